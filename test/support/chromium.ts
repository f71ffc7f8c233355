/**
 * Chromium without a window, driven over the pipe of its DevTools protocol, so that a row of a table costs a page and not a start.
 * Each browser trusts one more CA than it came with, has a home that nobody else uses, and reaches nothing but this machine.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { answerOf, run } from './real-clients-program.js'
import { bracketed, type Fetched, type RealClient, type TlsVersion, urlOf, type Visit } from './real-clients-visit.js'

const PROGRAM = process.env.CHROMIUM ?? 'chromium'

export async function findChromium(): Promise<RealClient> {
  const isThere = (await answerOf(PROGRAM, ['--version'])) !== undefined
  // Elsewhere than on Linux it asks the system's own store for CAs, which a test leaves alone.
  const hasStore = process.platform === 'linux' && (await answerOf('certutil', ['-H'])) !== undefined
  return {
    name: 'Chromium',
    versions: ['1.2', '1.3'],
    asksForAddresses: false,
    refusals: { otherCa: /ERR_CERT_AUTHORITY_INVALID/, otherName: /ERR_CERT_COMMON_NAME_INVALID/ },
    missing: isThere && hasStore ? undefined : 'chromium and libnss3-tools',
    fetch: fetchWithChromium
  }
}

/** Ends every browser that a visit has started. */
export async function closeBrowsers(): Promise<void> {
  const started = [...browsers.values()]
  browsers.clear()
  // One that did not start has failed its row, and has nothing to be ended.
  await Promise.all(
    started.map(starting =>
      starting.then(
        browser => browser.close(),
        () => undefined
      )
    )
  )
}

/** A message of the DevTools protocol, as far as it is read here. */
interface Message {
  readonly id?: number
  readonly sessionId?: string
  readonly method?: string
  readonly params?: unknown
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

interface Browser {
  /** Resolves with the result of a command; without a session it is one to the browser itself. */
  send<Result>(method: string, params?: object, sessionId?: string): Promise<Result>
  /** Parameters of the first event of this name in a session, come already or yet to come. */
  first<Params>(method: string, sessionId: string): Promise<Params>
  close(): Promise<void>
}

/** By CA and version: both are settled at the start of a browser. */
const browsers = new Map<string, Promise<Browser>>()

function browserFor({ caFile, tls }: Pick<Visit, 'caFile' | 'tls'>): Promise<Browser> {
  const key = `${tls} ${caFile}`
  const started = browsers.get(key) ?? startBrowser(caFile, tls)
  browsers.set(key, started)
  return started
}

/** Opens the address as somebody who types it in, then has the page fetch the file, as a page that flashes devices does. */
async function fetchWithChromium(visit: Visit): Promise<Fetched> {
  const browser = await browserFor(visit)
  const { targetId } = await browser.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' })
  const attach = { targetId, flatten: true }
  const { sessionId } = await browser.send<{ sessionId: string }>('Target.attachToTarget', attach)
  try {
    await browser.send('Network.enable', {}, sessionId)
    const page = urlOf({ ...visit, target: '/health' })
    const { errorText } = await Promise.race([
      browser.send<Failure>('Page.navigate', { url: page }, sessionId),
      // The page that says so to people may be 3 seconds later: it asks for a captive portal first.
      browser.first<Failure>('Network.loadingFailed', sessionId)
    ])
    if (errorText !== undefined) return { refusal: errorText }
    const { response } = await browser.first<PageResponse>('Network.responseReceived', sessionId)
    if (response.remoteIPAddress !== bracketed(visit.address)) throw new Error(`it went to ${response.remoteIPAddress}`)
    const shown = await evaluate(browser, sessionId, 'document.body.innerText')
    if (!shown.includes('"status"')) return { refusal: `/health shows ${shown}` }
    const body = await evaluate(browser, sessionId, `(${FETCH_AS_BASE64})(${JSON.stringify(visit.target)})`)
    const tls = (response.securityDetails?.protocol ?? '').replace('TLS ', 'TLSv')
    return { refusal: null, tls, body: Buffer.from(body, 'base64') }
  } finally {
    await browser.send('Target.closeTarget', { targetId })
  }
}

/** Opens a page, runs an expression in it when it is loaded, and gives back the text that it resolves with. The browser trusts one more CA. */
export async function runInPage(page: string, caFile: string, expression: string): Promise<string> {
  const browser = await browserFor({ caFile, tls: '1.3' })
  const { targetId } = await browser.send<{ targetId: string }>('Target.createTarget', { url: 'about:blank' })
  const attach = { targetId, flatten: true }
  const { sessionId } = await browser.send<{ sessionId: string }>('Target.attachToTarget', attach)
  try {
    await browser.send('Page.enable', {}, sessionId)
    const { errorText } = await browser.send<Failure>('Page.navigate', { url: page }, sessionId)
    if (errorText !== undefined) throw new Error(`${page}: ${errorText}`)
    await browser.first('Page.loadEventFired', sessionId)
    return await evaluate(browser, sessionId, expression)
  } finally {
    await browser.send('Target.closeTarget', { targetId })
  }
}

interface Failure {
  readonly errorText?: string
}

interface PageResponse {
  readonly response: {
    readonly remoteIPAddress?: string
    readonly securityDetails?: { readonly protocol: string }
  }
}

/** Runs in the page. */
const FETCH_AS_BASE64 = `async target => {
  const blob = await (await fetch(target)).blob()
  const reader = new FileReader()
  await new Promise((resolve, reject) => {
    reader.onload = resolve
    reader.onerror = reject
    reader.readAsDataURL(blob)
  })
  return reader.result.replace(/^.*,/, '')
}`

async function evaluate(browser: Browser, sessionId: string, expression: string): Promise<string> {
  const params = { expression, awaitPromise: true, returnByValue: true }
  const { result, exceptionDetails } = await browser.send<{
    readonly result: { readonly value?: unknown }
    readonly exceptionDetails?: unknown
  }>('Runtime.evaluate', params, sessionId)
  if (exceptionDetails !== undefined) throw new Error(`the page failed: ${JSON.stringify(exceptionDetails)}`)
  return String(result.value)
}

async function startBrowser(caFile: string, tls: TlsVersion): Promise<Browser> {
  const home = await mkdtemp(path.join(tmpdir(), 'otad-chromium-'))
  await trust(caFile, home)
  const args = [
    '--headless=new',
    // Root, as in a container of CI, has no sandbox.
    '--no-sandbox',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    '--no-first-run',
    '--no-proxy-server',
    // Every name is this machine, whatever it is; its own addresses are left as they are.
    '--host-resolver-rules=MAP * 127.0.0.1, EXCLUDE 127.*, EXCLUDE ::1',
    `--user-data-dir=${path.join(home, 'profile')}`,
    '--remote-debugging-pipe',
    ...(tls === '1.2' ? ['--ssl-version-max=tls1.2'] : ['--ssl-version-min=tls1.3']),
    'about:blank'
  ]
  const child = spawn(PROGRAM, args, {
    env: { ...process.env, HOME: home, XDG_CONFIG_HOME: '', XDG_CACHE_HOME: '' },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']
  })
  const hasEnded = once(child, 'exit')
  const { send, first } = talkTo(child)
  await send('Browser.getVersion')
  return {
    send,
    first,
    async close() {
      // Its answer may be lost with it.
      send('Browser.close').catch(() => undefined)
      await hasEnded
      await rm(home, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

/** Puts a CA into the store that Chromium reads on Linux, as one that may speak for servers. */
async function trust(caFile: string, home: string): Promise<void> {
  const store = path.join(home, '.pki', 'nssdb')
  await mkdir(store, { recursive: true })
  const make = ['-N', '--empty-password']
  const add = ['-A', '-t', 'C,,', '-n', 'otad', '-i', caFile]
  for (const command of [make, add]) {
    const { code, stderr } = await run('certutil', ['-d', `sql:${store}`, ...command])
    if (code !== 0) throw new Error(`certutil ${command[0]} ended with ${code}: ${stderr}`)
  }
}

/** Messages go in on descriptor 3 and come out on 4, each with a zero byte behind it. */
function talkTo(child: ChildProcess): Pick<Browser, 'send' | 'first'> {
  const [, , , input, output] = child.stdio as unknown as [null, null, null, Writable, Readable]
  const waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  const received: Message[] = []
  const watchers = new Set<() => void>()
  let count = 0
  let rest = ''
  output.setEncoding('utf8').on('data', piece => {
    const messages = (rest + piece).split('\0')
    rest = messages.pop() ?? ''
    for (const message of messages.map(text => JSON.parse(text) as Message)) {
      if (message.id === undefined) received.push(message)
      else if (message.error === undefined) waiting.get(message.id)?.resolve(message.result)
      else waiting.get(message.id)?.reject(new Error(message.error.message))
    }
    for (const look of watchers) look()
  })
  input.on('error', () => {})
  const giveUp = (why: string): void => {
    for (const { reject } of waiting.values()) reject(new Error(why))
  }
  child.once('error', error => giveUp(error.message)).once('exit', code => giveUp(`${PROGRAM} ended with ${code}`))
  return {
    send: <Result>(method: string, params: object = {}, sessionId?: string) =>
      new Promise<Result>((resolve, reject) => {
        const id = ++count
        waiting.set(id, { resolve: result => resolve(result as Result), reject })
        input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
      }),
    first: <Params>(method: string, sessionId: string) =>
      new Promise<Params>(resolve => {
        const look = (): void => {
          const found = received.find(message => message.method === method && message.sessionId === sessionId)
          if (found === undefined) return
          watchers.delete(look)
          resolve(found.params as Params)
        }
        watchers.add(look)
        look()
      })
  }
}
