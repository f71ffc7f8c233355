/** The page of otad in Chromium as somebody sees it who sits before it, and all that it must not do there. */
import { access, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { AxeResults } from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, onTestFinished } from 'vitest'

const PROGRAM = process.env.CHROMIUM ?? 'chromium'

/** Where Chromium is; undefined where there is none. */
export async function chromiumFile(): Promise<string | undefined> {
  const places = (process.env.PATH ?? '').split(path.delimiter).map(folder => path.join(folder, PROGRAM))
  for (const file of path.isAbsolute(PROGRAM) ? [PROGRAM] : places) if (await isThere(file)) return file
  return undefined
}

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false
  )

export interface Look {
  readonly theme: 'light' | 'dark'
  /** Pixels: 360 is a phone. */
  readonly width: number
}

export interface PageOptions extends Partial<Look> {
  readonly credentials?: { readonly username: string; readonly password: string }
}

export interface OpenPage {
  readonly page: Page
  /** Whatever went wrong in it: errors, what its policy forbade, and requests that left its origin. */
  readonly faults: readonly string[]
  /** Keeps a picture of all of it, where OTAD_SCREENSHOTS names a folder. */
  shoot(name: string): Promise<void>
}

let browser: Promise<Browser> | undefined

/** Opens the page of a daemon, or whatever else is there. It goes with the test. */
export async function openPage(url: string, options: PageOptions = {}): Promise<OpenPage> {
  const { theme = 'light', width = 1280, credentials } = options
  browser ??= startBrowser()
  const context = await (await browser).newContext({
    viewport: { width, height: 800 },
    colorScheme: theme,
    locale: 'en-GB',
    // Whether browsers trust the CA is another story's.
    ignoreHTTPSErrors: true,
    ...(credentials === undefined ? {} : { httpCredentials: credentials }),
    permissions: ['clipboard-read', 'clipboard-write']
  })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const faults: string[] = []
  const { origin } = new URL(url)
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) faults.push(`console: ${message.text()}`)
  })
  page.on('pageerror', error => faults.push(`error: ${error.message}`))
  page.on('dialog', dialog => {
    faults.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', request => {
    if (new URL(request.url()).origin !== origin) faults.push(`request: ${request.url()}`)
  })
  await page.addInitScript(TELL_WHAT_IS_FORBIDDEN)
  await page.goto(url)
  return {
    page,
    faults,
    async shoot(name) {
      const folder = process.env.OTAD_SCREENSHOTS
      if (folder === undefined) return
      await page.screenshot({ path: path.join(folder, `${name}-${theme}-${width}.png`), fullPage: true })
    }
  }
}

/** Runs in the page. */
const TELL_WHAT_IS_FORBIDDEN = `document.addEventListener('securitypolicyviolation', event =>
  console.error('forbidden by ' + event.violatedDirective + ': ' + event.blockedURI)
)`

async function startBrowser(): Promise<Browser> {
  const executablePath = await chromiumFile()
  if (executablePath === undefined) throw new Error(`there is no ${PROGRAM}`)
  // Root, as in a container of CI, has no sandbox.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] })
}

/** To be called at the top of a suite that opens pages. */
export function closeBrowserAfterwards(): void {
  afterAll(async () => {
    const started = browser
    browser = undefined
    await (await started)?.close()
  })
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What axe finds that keeps somebody out, one line for each. */
export async function seriousViolations(page: Page): Promise<readonly string[]> {
  // Not as a script of the page, which its policy forbids.
  await page.evaluate(`${await readFile(AXE, 'utf8')};0`)
  const found = (await page.evaluate('axe.run()')) as AxeResults
  if (found.passes.length < 10) throw new Error('axe has not looked at the page')
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}

/** By how much the page is wider than its window, in pixels. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}
