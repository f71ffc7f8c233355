// Whoever develops firmware looks at one window while devices update: it has to show what happens when it happens, on the laptop and on the phone
// beside the board, to somebody who sees it, hears it, or has no pointer. And what a firmware says of itself stays text there, whoever built it.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as elapse } from 'node:timers/promises'
import type { Locator, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Device } from '../../src/probe/device.js'
import { oneShot } from '../../src/probe/device-idf.js'
import { atRate } from '../../src/probe/pause.js'
import { truncateAndWrite } from '../support/build-folder.js'
import { anAuthority } from '../support/certificates.js'
import { type RunningDaemon, startDaemon, temporaryFolder } from '../support/daemon.js'
import {
  deskFacts,
  deskName,
  deviceEvent,
  deviceFacts,
  liveDownload,
  releaseFacts,
  startDeskFeed
} from '../support/desk-feed.js'
import { anImage, withSegmentLength } from '../support/image-builder.js'
import {
  chromiumFile,
  closeBrowserAfterwards,
  type Look,
  openPage,
  overflowOf,
  seriousViolations
} from '../support/page-browser.js'
import { answerOf, run } from '../support/real-clients-program.js'

const MIB = 1024 * 1024
const NAME = 'hello_world.bin'
/** From when it happens to when it is seen. */
const SEEN_MS = 1000
const FIRST_LOAD_BYTES = 100_000
const INTERACTION_MS = 100
/** The bar is the page's, not that of a machine that does other things too: it has to be met in one of so many rounds. */
const ROUNDS = 4

const isSkipped =
  process.env.REQUIRE_CLIENTS !== '1' &&
  ((await chromiumFile()) === undefined || (await answerOf('curl', ['--version'])) === undefined)

const LOOKS: readonly Look[] = [
  { theme: 'light', width: 1280 },
  { theme: 'dark', width: 1280 },
  { theme: 'light', width: 360 },
  { theme: 'dark', width: 360 }
]

if (process.env.OTAD_SCREENSHOTS !== undefined) await mkdir(process.env.OTAD_SCREENSHOTS, { recursive: true })
closeBrowserAfterwards()

/** A daemon whose URLs name an address of the LAN, as at a desk. */
function aDaemonAtADesk(options: { folders: readonly string[]; home?: string; args?: readonly string[] }) {
  return startDaemon({ ...options, args: ['--advertise', '192.168.1.8', ...(options.args ?? [])] })
}

async function isSeen(what: Locator): Promise<void> {
  await what.first().waitFor({ state: 'visible', timeout: SEEN_MS })
}

/** A device that begins to download and takes its time. Resolves when it has received a first piece. */
async function beginsSlowly(daemon: RunningDaemon, localAddress: string): Promise<void> {
  const device: Device = { ca: daemon.ca, url: daemon.url(NAME), localAddress }
  const slowly = atRate(2_000_000)
  await new Promise<void>((resolve, reject) => {
    const pause = (received: number) => {
      resolve()
      return slowly(received)
    }
    // It ends with the daemon.
    oneShot(device, { pause }).then(() => resolve(), reject)
  })
}

/** A device with the CA of somebody else in its firmware. */
async function failsTheHandshake(daemon: RunningDaemon, from: string): Promise<void> {
  const caFile = path.join(await temporaryFolder(), 'other.pem')
  await writeFile(caFile, (await anAuthority()).certificate)
  await run('curl', ['-q', '--silent', '--noproxy', '*', '--interface', from, '--cacert', caFile, daemon.url(NAME)])
}

describe.skipIf(isSkipped)('the page', () => {
  it.each(LOOKS)(
    'shows each thing within a second, and keeps nobody out ($theme, $width pixels)',
    { timeout: 120_000 },
    async look => {
      const folder = await temporaryFolder()
      const file = path.join(folder, NAME)
      const daemon = await aDaemonAtADesk({ folders: [folder] })
      const { page, faults, shoot } = await openPage(daemon.url(''), look)
      const expectGood = async (state: string): Promise<void> => {
        await shoot(state)
        expect(await seriousViolations(page), state).toEqual([])
        expect(await overflowOf(page), `${state}: wider than the window`).toBeLessThanOrEqual(0)
        expect(faults, state).toEqual([])
      }

      await isSeen(page.getByText('Nothing to serve yet.'))
      await isSeen(page.getByRole('button', { name: 'Copy PEM' }))
      await expectGood('1-empty')

      await truncateAndWrite(file, anImage({ length: 24 * MIB, seed: 1, version: '1.4.2' }))
      await daemon.event('release.published')
      await isSeen(page.getByRole('link', { name: NAME }))
      await isSeen(page.getByText('1.4.2', { exact: true }))
      await isSeen(page.getByText(`https://192.168.1.8:${daemon.port}/${NAME}`, { exact: true }))
      await isSeen(page.getByRole('img', { name: `QR code of https://192.168.1.8:${daemon.port}/${NAME}` }))
      await expectGood('2-first-build')

      await beginsSlowly(daemon, '127.0.0.21')
      await beginsSlowly(daemon, '127.0.0.22')
      for (const address of ['127.0.0.21', '127.0.0.22'])
        await isSeen(page.getByRole('progressbar', { name: `${address} downloads ${NAME}` }))
      await grows(page.getByRole('progressbar').first())
      await expectGood('3-two-downloads')

      await truncateAndWrite(file, withSegmentLength(anImage({ seed: 2, version: '1.4.3' }), 1, 0xffffffff))
      await daemon.event('candidate.rejected')
      await isSeen(page.getByText(`${NAME} was refused`))
      await isSeen(page.getByText('invalid segment length 0xffffffff'))
      await isSeen(page.getByText('Still serving 1.4.2'))
      await expectGood('4-refused-build')

      await failsTheHandshake(daemon, '127.0.0.23')
      await isSeen(page.getByRole('region', { name: 'What needs attention' }).getByText('it trusts another CA'))
      await isSeen(page.getByText('Rebuild it with'))
      await isSeen(page.getByRole('button', { name: 'Show 127.0.0.23' }))
      await expectGood('5-failed-handshake')
    }
  )

  it(`loads less than ${FIRST_LOAD_BYTES / 1000} kB`, async () => {
    const daemon = await aDaemonAtADesk({ folders: [await temporaryFolder()] })
    const { page } = await openPage(daemon.url(''))
    await isSeen(page.getByRole('button', { name: 'Copy PEM' }))
    const transferred = await page.evaluate<number>(
      `performance.getEntries().reduce((sum, { transferSize = 0 }) => sum + transferSize, 0)`
    )
    console.log(`first load: ${transferred} bytes`)
    expect(transferred).toBeGreaterThan(10_000)
    expect(transferred).toBeLessThan(FIRST_LOAD_BYTES)
  })

  it('gives the certificate, its fingerprint, and lines with it for each kind of client', async () => {
    const folder = await temporaryFolder()
    await truncateAndWrite(path.join(folder, NAME), anImage())
    const daemon = await aDaemonAtADesk({ folders: [folder] })
    const { page, faults } = await openPage(daemon.url(''))
    const listening = await daemon.event('server.listening')
    await isSeen(page.getByText(listening.caFingerprint ?? '', { exact: true }))

    const download = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Download ca_cert.pem' }).click()
    expect((await download).suggestedFilename()).toBe('ca_cert.pem')

    await page.getByRole('button', { name: 'Copy PEM' }).click()
    expect(await clipboardOf(page)).toBe(daemon.ca)
    await page.getByRole('button', { name: 'Copy the firmware URL' }).click()
    expect(await clipboardOf(page)).toBe(`https://192.168.1.8:${daemon.port}/${NAME}`)

    for (const kind of ['ESP-IDF', 'Arduino', 'PlatformIO', 'ESPHome', 'Tasmota', 'curl']) {
      await page.getByRole('radio', { name: kind }).check()
      const lines = page.getByRole('region', { name: `Lines for ${kind}` })
      expect(await lines.textContent()).toContain(`https://192.168.1.8:${daemon.port}/${NAME}`)
    }
    await page.getByRole('radio', { name: 'Arduino' }).check()
    expect(await page.getByRole('region', { name: 'Lines for Arduino' }).textContent()).toContain(daemon.ca.trim())
    expect(faults).toEqual([])
  })

  it('says when otad is gone, and goes on by itself when it is back', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder()
    const home = await temporaryFolder()
    const first = await aDaemonAtADesk({ folders: [folder], home })
    const { page } = await openPage(first.url(''))
    await isSeen(page.getByText('Live', { exact: true }))
    await first.stop()
    await isSeen(page.getByText('otad does not answer'))
    await truncateAndWrite(path.join(folder, NAME), anImage())
    await aDaemonAtADesk({ folders: [folder], home, args: ['--port', String(first.port)] })
    await page.getByText('Live', { exact: true }).waitFor({ timeout: 6000 })
    await isSeen(page.getByRole('link', { name: NAME }))
  })

  // Lost while nobody looked, it was opened again and held for ever; and events piled up, since a hidden page has no frames to draw them in.
  it('takes in what happens while nobody looks, and holds a connection for a while only', async () => {
    const feed = await startDeskFeed(deskFacts({ names: [deskName(NAME)] }))
    const { page } = await openPage(feed.url)
    await isSeen(page.getByText('Live', { exact: true }))
    await page.clock.install()
    await page.evaluate(beSeen(false))
    feed.tell('names', { changed: [deskName('other.bin')], gone: [] })
    await page.getByRole('link', { name: 'other.bin' }).waitFor({ state: 'attached' })
    expect(feed.listeners()).toBe(1)
    await page.clock.fastForward(31_000)
    await expect.poll(() => feed.listeners()).toBe(0)

    await page.evaluate(beSeen(true))
    await isSeen(page.getByText('Live', { exact: true }))
    await page.evaluate(beSeen(false))
    feed.hangUp()
    await page.getByText('otad does not answer').waitFor({ state: 'attached' })
    await page.clock.runFor(31_000)
    expect(feed.listeners()).toBe(0)
    await page.evaluate(beSeen(true))
    await isSeen(page.getByText('Live', { exact: true }))
    expect(feed.listeners()).toBe(1)
  })

  it('asks for credentials where firmware is for those who have them, and not over and over', async () => {
    const password = 'correct horse battery'
    const file = path.join(await temporaryFolder(), 'passwords')
    await writeFile(file, `desk:${password}\n`, { mode: 0o600 })
    const daemon = await aDaemonAtADesk({
      folders: [await temporaryFolder()],
      args: ['--auth', 'basic', '--auth-file', file]
    })
    // Who gives none is before a box of the browser's own.
    const refused = await openPage(daemon.url(''), { credentials: { username: 'desk', password: 'wrong' } })
    await refused.page.getByText('otad wants credentials').waitFor()
    let asked = 0
    refused.page.on('request', () => asked++)
    await elapse(3000)
    expect(asked).toBe(0)
    const { page } = await openPage(daemon.url(''), { credentials: { username: 'desk', password } })
    await page.getByText('Live', { exact: true }).waitFor()
    await isSeen(page.getByText('Nothing to serve yet.'))
  })

  it('tells what happened to a device to whoever asks', async () => {
    const folder = await temporaryFolder()
    await truncateAndWrite(path.join(folder, NAME), anImage())
    const daemon = await aDaemonAtADesk({ folders: [folder] })
    const { page, faults } = await openPage(daemon.url(''))
    await oneShot({ ca: daemon.ca, url: daemon.url(NAME), localAddress: '127.0.0.31' })
    await failsTheHandshake(daemon, '127.0.0.31')
    const device = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: '127.0.0.31' }) })
    await isSeen(device.getByText('it trusts another CA'))
    await device.getByText('Details and history').click()
    await isSeen(device.getByText('User-Agent'))
    await expect.poll(() => device.getByRole('list').getByRole('listitem').count()).toBeGreaterThanOrEqual(2)
    expect(faults).toEqual([])
  })

  it('is used by keyboard alone', { timeout: 60_000 }, async () => {
    const verdict = deviceEvent('handshake-failed', 'it trusts another CA', { fix: 'Rebuild it' })
    const facts = deskFacts({
      names: [deskName('a.bin'), deskName('b.bin')],
      devices: [deviceFacts('192.168.1.50', { verdict }), deviceFacts('192.168.1.51')]
    })
    const feed = await startDeskFeed(facts, [deviceEvent('cut', 'cut at 61 %')])
    const { page, faults } = await openPage(feed.url)
    await isSeen(page.getByRole('button', { name: 'Copy PEM' }))

    await page.keyboard.press('Tab')
    expect(await focusOf(page)).toBe('Skip to what is served')
    await page.keyboard.press('Enter')
    const stops: string[] = []
    for (let presses = 0; presses < 40 && stops.at(-1) !== 'metrics'; presses++) {
      await page.keyboard.press('Tab')
      stops.push(await focusOf(page))
      expect(await page.evaluate(IS_FOCUS_SEEN), `${stops.at(-1)} shows that it has the focus`).toBe(true)
    }
    const wanted = [
      'Show 192.168.1.50',
      'Name',
      'Copy the firmware URL',
      'Download ca_cert.pem',
      'Copy PEM of the certificate',
      'a.bin',
      'Copy URL of a.bin',
      'QR code and lines to paste for b.bin',
      'Find a device by name, address, MAC, version, or what happened',
      'Details and history of 192.168.1.50',
      'Copy the lines for ESP-IDF',
      'ESP-IDF',
      'Lines for ESP-IDF',
      'metrics'
    ]
    expect(stops.filter(stop => wanted.includes(stop))).toEqual(wanted)

    await page.getByRole('button', { name: 'Show 192.168.1.50' }).press('Enter')
    expect(await focusOf(page)).toContain('Find a device')
    await isSeen(page.getByText('1 of 2', { exact: true }))
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await isSeen(page.getByText('cut at 61 %'))
    await page.getByRole('radio', { name: 'ESP-IDF' }).press('ArrowRight')
    await isSeen(page.getByRole('region', { name: 'Lines for Arduino' }))
    expect(faults).toEqual([])
  })

  it.each([LOOKS[0], LOOKS[3]] as Look[])(
    'shows what an image or a device says of itself as text ($width pixels)',
    { timeout: 60_000 },
    async look => {
      const markup = '<img src=x onerror=alert(1)><script>alert(2)</script>'
      const endless = 'x'.repeat(10_000)
      const turned = '\u202egnp.bin\u2066'
      const verdict = deviceEvent('handshake-failed', markup, { fix: markup })
      const facts = deskFacts({
        names: [markup, endless, turned, 'javascript:alert(3)', '//evil.example/a.bin'].map(name =>
          deskName(name, {
            current: releaseFacts({ name, version: name, chip: markup, warnings: [markup] }),
            refusal: { reason: markup, sentence: markup, device: endless, at: '2026-11-20T12:00:00.000Z' }
          })
        ),
        devices: [markup, endless, turned].map(id =>
          deviceFacts(id, { label: id, vendor: markup, client: markup, userAgent: endless, verdict, mac: markup })
        )
      })
      const feed = await startDeskFeed(facts, [deviceEvent('cut', markup)])
      const { page, faults, shoot } = await openPage(feed.url, look)
      await isSeen(page.getByRole('heading', { name: markup }))
      await page.getByText('Details and history').first().click()
      await isSeen(page.getByRole('definition').filter({ hasText: markup }))
      expect(await page.locator('main').getByText('\u202e').count()).toBe(0)
      expect(
        await page.evaluate(`document.querySelectorAll('main img, main script, main [onerror], main [style]').length`)
      ).toBe(0)
      const links = await page.evaluate<string[]>(
        `[...document.querySelectorAll('a')].map(a => new URL(a.href).origin)`
      )
      expect(new Set(links)).toEqual(new Set([new URL(feed.url).origin]))
      expect(await overflowOf(page)).toBeLessThanOrEqual(0)
      // The narrowest that has to do without scrolling sideways: 1280 pixels at 400 % (WCAG 2.2, 1.4.10).
      await page.setViewportSize({ width: 320, height: 800 })
      expect(await overflowOf(page)).toBeLessThanOrEqual(0)
      await page.setViewportSize({ width: look.width, height: 800 })
      expect(await seriousViolations(page)).toEqual([])
      await shoot('6-hostile')
      expect(faults).toEqual([])
    }
  )

  it(`answers within ${INTERACTION_MS} ms with 2,000 devices, 200 of which download`, { timeout: 60_000 }, async () => {
    const ids = Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
    const downloads = (reached: number) => ids.slice(0, 200).map((id, index) => liveDownload(index, id, { reached }))
    const devices = ids.map(id => deviceFacts(id, { verdict: deviceEvent('complete', 'received 842 KiB in 2.9 s') }))
    const history = Array.from({ length: 50 }, () => deviceEvent('complete', 'received 842 KiB in 2.9 s'))
    const feed = await startDeskFeed(deskFacts({ names: [deskName(NAME)], devices }), history)
    const { page, faults, shoot } = await openPage(feed.url)
    await isSeen(page.getByText('2000 devices'))
    let reached = 0
    const telling = setInterval(() => {
      reached += 4096
      feed.tell('downloads', downloads(reached))
      const changed = ids
        .slice(0, 50)
        .map(id => deviceFacts(id, { downloads: [liveDownload(ids.indexOf(id), id, { reached })] }))
      feed.tell('devices', { changed, gone: [] })
    }, 250)
    try {
      await isSeen(page.getByText('200 downloading'))
      await page.evaluate(MEASURE_INTERACTIONS)
      const filter = page.getByRole('searchbox', { name: /^Find a device/ })
      const details = page.getByText('Details and history').first()
      const round = async (): Promise<number> => {
        await page.evaluate('interactions.length = 0')
        await filter.pressSequentially('10.0.3', { delay: 120 })
        await isSeen(page.getByText('256 of 2000'))
        await filter.fill('')
        await isSeen(page.getByText('2000 devices'))
        await details.click()
        await isSeen(page.getByText('User-Agent'))
        await details.click()
        await page.getByRole('button', { name: /^Show 25 more/ }).click()
        await grows(page.getByRole('progressbar').first())
        const took = await page.evaluate<readonly Interaction[]>('interactions')
        expect(took.map(({ name }) => name)).toEqual(expect.arrayContaining(['keydown', 'click']))
        return Math.max(...took.map(({ duration }) => duration))
      }
      const slowest: number[] = []
      while (slowest.length < ROUNDS && !slowest.some(took => took < INTERACTION_MS)) slowest.push(await round())
      console.log(`slowest interaction: ${slowest.join(', ')} ms`)
      await shoot('7-many-devices')
      expect(Math.min(...slowest)).toBeLessThan(INTERACTION_MS)
      expect(faults).toEqual([])
    } finally {
      clearInterval(telling)
    }
  })
})

/** Runs in the page: somebody looks at another tab, or at this one again. */
const beSeen = (isSeen: boolean): string => `
Object.defineProperty(document, 'hidden', { configurable: true, value: ${!isSeen} })
globalThis.drawSoon ??= requestAnimationFrame
globalThis.requestAnimationFrame = ${isSeen ? 'drawSoon' : '() => 1'}
document.dispatchEvent(new Event('visibilitychange'))
`

interface Interaction {
  readonly name: string
  /** From the event to the next frame (W3C, Event Timing). */
  readonly duration: number
}

/** Runs in the page: keeps every event that took a frame or longer. */
const MEASURE_INTERACTIONS = `
globalThis.interactions = []
new PerformanceObserver(list => {
  for (const { name, duration } of list.getEntries()) interactions.push({ name, duration })
}).observe({ type: 'event', durationThreshold: 16 })
`

/** Runs in the page: what a screen reader would call the thing that has the focus. */
const FOCUS = `(() => {
  const focused = document.activeElement
  const label = focused.getAttribute('aria-label') ?? focused.labels?.[0]?.firstChild?.textContent ?? focused.textContent
  return (focused.labels?.[0] && focused.type === 'radio' ? focused.labels[0].textContent : label).trim()
})()`

const IS_FOCUS_SEEN = `(() => {
  const focused = document.activeElement
  const shown = focused.type === 'radio' ? focused.nextElementSibling : focused
  return getComputedStyle(shown).outlineStyle !== 'none'
})()`

function focusOf(page: Page): Promise<string> {
  return page.evaluate<string>(FOCUS)
}

function clipboardOf(page: Page): Promise<string> {
  return page.evaluate<string>('navigator.clipboard.readText()')
}

/** A bar that goes on. */
async function grows(bar: Locator): Promise<void> {
  const value = async (): Promise<number> => Number(await bar.getAttribute('value'))
  const before = await value()
  await expect.poll(value, { timeout: 5000 }).toBeGreaterThan(before)
}
