// A board on a roof has no serial cable. Who wants to know how far it is looks at otad: on a terminal, through a pipe, or with a program.
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import type { DeviceFacts } from '../../src/devices/device-facts.js'
import { oneShot } from '../../src/probe/device-idf.js'
import { atRate, type Pause } from '../../src/probe/pause.js'
import { renameOver } from '../support/build-folder.js'
import { hasTerminals, ON_A_TERMINAL, type RunningCommand, startCommand } from '../support/command.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import { anImage } from '../support/image-builder.js'
import { digestOf, getOnce } from './line.js'

const NAME = 'app.bin'
/** More than the buffers of two sockets hold, so that a download goes on for as long as it is read. */
const IMAGE = anImage({ length: 12 * 1024 * 1024, seed: 3, version: '2.0.0', project: 'app', chip: 'esp32s3' })
const DEVICE = 'roof'

const ARGS = ['--device-names', `127.0.0.1=${DEVICE}`]

async function serving(): Promise<RunningDaemon> {
  const folder = await temporaryFolder()
  await renameOver(path.join(folder, NAME), IMAGE)
  const daemon = await startDaemon({ folders: [folder], args: ARGS })
  await daemon.event('release.published', ({ digest }) => digest === digestOf(IMAGE))
  return daemon
}

const update = (daemon: RunningDaemon, pause: Pause = atRate(IMAGE.length / 3)) =>
  oneShot({ ca: daemon.ca, url: daemon.url(NAME) }, { pause })

const confirm = (daemon: RunningDaemon) => getOnce(daemon, `${NAME}/ok?sha=${digestOf(IMAGE)}`)

const watch = ({ home }: RunningDaemon, ...args: readonly string[]): RunningCommand =>
  startCommand(['devices', '--watch', '--home', home, ...args])

describe('otad devices --watch', () => {
  it('prints a line through a pipe whenever a device does something else', async () => {
    const daemon = await serving()
    const watching = watch(daemon)
    // Reads on when it has been told how far the device is, however long that takes on a busy machine.
    await update(daemon, received => {
      if (received < IMAGE.length / 12) return undefined
      return watching.says(received < IMAGE.length / 2 ? /downloads app/ : /downloads app[\s\S]+downloads app/)
    })
    await watching.says(/^\d\d:\d\d:\d\d {2}roof {2}complete: 12\.0 MiB handed over in /m)
    await confirm(daemon)
    await watching.says(/^\d\d:\d\d:\d\d {2}roof {2}running: says that it runs 2\.0\.0 /m)
    watching.stop('SIGINT')
    expect(await watching.ended).toBe(0)
    const lines = watching.stdout().trimEnd().split('\n')
    expect(lines.filter(line => /downloads app\.bin 2\.0\.0, \d+ % of 12\.0 MiB/.test(line)).length).toBeGreaterThan(1)
    expect(new Set(lines.map(line => line.slice(10))).size).toBe(lines.length)
    expect(watching.stdout()).not.toContain('\u001b')
  })

  it('prints a device as JSON on a line of its own whenever something of it has changed', async () => {
    const daemon = await serving()
    const watching = watch(daemon, '--json')
    await update(daemon)
    await watching.says('"is":"complete"')
    watching.stop('SIGTERM')
    expect(await watching.ended).toBe(0)
    const facts = watching
      .stdout()
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as DeviceFacts)
    expect(new Set(facts.map(({ id, label }) => `${id} ${label}`))).toEqual(new Set([`127.0.0.1 ${DEVICE}`]))
    const reached = facts.flatMap(({ downloads }) => downloads.map(download => download.reached))
    expect(reached.length).toBeGreaterThan(1)
    expect(reached).toEqual([...reached].sort((a, b) => a - b))
    expect(facts.at(-1)).toMatchObject({ downloads: [], verdict: { is: 'complete' } })
  })

  it('ends when nobody reads it any more', async () => {
    const daemon = await serving()
    await confirm(daemon)
    const { home } = daemon
    const head = startCommand(['devices', '--watch', '--home', home], {
      through: ['sh', '-c', '"$@" | head -n 1', 'sh']
    })
    await head.says('running: says')
    // The next line finds nobody.
    await update(daemon)
    expect(await head.ended).toBe(0)
  })

  it('says that otad has gone, and goes on when it is there again', async () => {
    const daemon = await serving()
    await confirm(daemon)
    const watching = watch(daemon)
    await watching.says('running: says')
    await daemon.stop()
    await watching.says(': waiting for it')
    const again = await startDaemon({ folders: [daemon.folder], home: daemon.home, args: ARGS })
    await update(again)
    await watching.says('complete: 12.0 MiB')
    watching.stop('SIGINT')
    expect(await watching.ended).toBe(0)
  })

  it('says at once that there is no otad', async () => {
    const home = await temporaryFolder()
    const watching = startCommand(['devices', '--watch', '--home', home])
    expect(await watching.ended).toBe(1)
    expect(watching.stderr()).toContain('(OTAD_ERR_NOT_RUNNING)')
  })

  it.skipIf(!hasTerminals())('draws a page on a terminal, live, and leaves it as it was at Ctrl-C', async () => {
    const daemon = await serving()
    const watching = startCommand(['devices', '--watch', '--home', daemon.home], { through: ON_A_TERMINAL })
    await watching.says('no device has come yet')
    const updated = update(daemon)
    await watching.says(/█+─+ {2}\d+ % of 12\.0 MiB, [\d.]+ [KM]iB\/s, \d+ s left/)
    await updated
    await watching.says('complete: 12.0 MiB handed over in ')
    watching.press('\u0003')
    expect(await watching.ended).toBe(0)
    const screen = watching.stdout()
    expect(screen.startsWith('\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[H')).toBe(true)
    const end = '\u001b[?7h\u001b[?25h\u001b[?1049l'
    expect(screen.split(end)).toHaveLength(2)
    // What stays behind on the screen.
    expect(screen.split(end)[1]).toMatch(/^DEVICE +CLIENT +RUNNING +KNOWN BY +LAST SEEN\r\n(.*\r\n)*roof +ESP-IDF /)
    // Drawn over, never cleared first: nothing flickers.
    expect(screen).not.toContain('\u001b[2J')
  })
})

describe('otad devices', () => {
  it('lists what has come, and tells the history of one', async () => {
    const daemon = await serving()
    await update(daemon)
    await confirm(daemon)
    const list = startCommand(['devices', '--home', daemon.home])
    expect(await list.ended).toBe(0)
    expect(list.stdout()).toMatch(/^roof +\S.* +app\.bin 2\.0\.0 \(\w{8}\) +confirmation +just now\n {4}running: says/m)
    const one = startCommand(['devices', '127.0.0.1', '--home', daemon.home])
    expect(await one.ended).toBe(0)
    expect(one.stdout()).toMatch(/^roof {3}127\.0\.0\.1\n/)
    expect(one.stdout()).toMatch(/running: says that it runs 2\.0\.0 .*\n.*complete: 12\.0 MiB handed over/)
    const status = startCommand(['status', '--home', daemon.home])
    expect(await status.ended).toBe(0)
    expect(status.stdout()).toContain('\n1 device, none downloading\n')
  })
})
