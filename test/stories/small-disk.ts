import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'

const run = promisify(execFile)

/** A disk of a few MiB, mounted on a folder for those alone who are started `through` it. It goes with the test. */
export interface SmallDisk {
  readonly through: readonly string[]
  /** Where this process finds a path as those see it. */
  seen(file: string): string
  /** Runs a program among those who see it. */
  inside(...command: readonly string[]): Promise<void>
  /** Writes until nothing more goes in, and then leaves so much room. */
  fill(roomBytes?: number): Promise<void>
  makeRoom(): Promise<void>
  /** Nothing in its folder can be changed by whoever looks it up from now on; what is open stays open. */
  makeReadOnly(): Promise<void>
  makeWritable(): Promise<void>
}

/** Why this machine has no small disks, for `it.skipIf`; false where it has. */
export const lacksSmallDisks = await run('unshare', ['--mount', 'true']).then(
  () => false,
  () => true
)

export async function mountSmallDisk(folder: string, mebibytes: number, options = ''): Promise<SmallDisk> {
  // It ends when its standard input does, however this process ends, and its mounts go with it.
  const holder = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', 'echo here; exec cat'], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const closed = once(holder, 'close')
  onTestFinished(async () => {
    holder.stdin.end()
    await closed
  })
  await once(holder.stdout, 'data')
  const through = ['nsenter', `--target=${holder.pid}`, '--mount']
  const inside: SmallDisk['inside'] = async (...command) =>
    void (await run('nsenter', [...through.slice(1), ...command]))
  const seen: SmallDisk['seen'] = file => path.join(`/proc/${holder.pid}/root`, file)
  await inside('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700${options}`, 'none', folder)
  const filler = seen(path.join(folder, 'filler'))
  return {
    through,
    seen,
    inside,
    fill: async (roomBytes = 0) => {
      const handle = await open(filler, 'w')
      try {
        for (let length = 64 * 1024; length >= 1; length = Math.floor(length / 2)) {
          const piece = Buffer.alloc(length, 1)
          // A write may be cut short before the first one that fails.
          while (await handle.write(piece).then(({ bytesWritten }) => bytesWritten === length, isFull));
        }
        if (roomBytes > 0) await handle.truncate((await stat(filler)).size - roomBytes)
      } finally {
        await handle.close()
      }
    },
    makeRoom: () => rm(filler, { force: true }),
    makeReadOnly: async () => {
      await inside('mount', '--bind', folder, folder)
      await inside('mount', '-o', 'remount,ro,bind', folder)
    },
    makeWritable: () => inside('umount', folder)
  }
}

function isFull(error: NodeJS.ErrnoException): false {
  if (error.code !== 'ENOSPC') throw error
  return false
}
