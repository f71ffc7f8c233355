import { stat } from 'node:fs/promises'

/** What changes when one of these files is replaced, written to, or comes and goes. */
export async function stampOf(files: readonly string[]): Promise<string> {
  return (await Promise.all(files.map(stampOfFile))).join('\n')
}

async function stampOfFile(file: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(file, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch {
    // Whatever keeps it from being looked at is told when it is read.
    return 'missing'
  }
}
