/** ESP Web Tools in a browser, up to where the serial port begins (clients.md 10.3; src/flash.ts): a page of another origin that fetches. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { runInPage } from './chromium.js'

/** What would be written: each part at its address. */
export interface FlashedPart {
  readonly address: number
  readonly bytes: Buffer
}

/** What came of it: the build for the chip, or what `fetch` rejected with. */
export type WebInstall =
  | { readonly failure: null; readonly name: string; readonly version: string; readonly parts: readonly FlashedPart[] }
  | { readonly failure: string }

/** An origin of its own: http on localhost is a secure context, as Web Serial asks for. It goes with the test. */
export async function servePage(): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end('<!doctype html><title>install</title>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

export interface WebInstallOptions {
  /** The page's origin. */
  readonly page: string
  readonly manifestUrl: string
  readonly chipFamily: string
  readonly caFile: string
}

export async function installFromPage({
  page,
  manifestUrl,
  chipFamily,
  caFile
}: WebInstallOptions): Promise<WebInstall> {
  const call = `(${INSTALL})(${JSON.stringify(manifestUrl)}, ${JSON.stringify(chipFamily)})`
  const said = JSON.parse(await runInPage(`${page}/`, caFile, call)) as Said
  if (said.failure !== null) return { failure: said.failure }
  const parts = said.parts.map(({ address, data }) => ({ address, bytes: Buffer.from(data, 'base64') }))
  return { failure: null, name: said.name, version: said.version, parts }
}

type Said =
  | {
      readonly failure: null
      readonly name: string
      readonly version: string
      readonly parts: readonly { readonly address: number; readonly data: string }[]
    }
  | { readonly failure: string }

/** Runs in the page: what flash.ts does between choosing the build and write_flash. */
const INSTALL = `async (manifestPath, chipFamily) => {
  try {
    const manifestURL = new URL(manifestPath, location.toString()).toString()
    const manifest = await (await fetch(manifestURL)).json()
    const build = manifest.builds.find(one => one.chipFamily === chipFamily)
    if (!build) throw new Error('Your ' + chipFamily + ' board is not supported.')
    const parts = await Promise.all(build.parts.map(async part => {
      const response = await fetch(new URL(part.path, manifestURL).toString())
      if (!response.ok) throw new Error('Downlading firmware ' + part.path + ' failed: ' + response.status)
      const reader = new FileReader()
      const blob = await response.blob()
      await new Promise(resolve => { reader.onload = resolve; reader.readAsDataURL(blob) })
      return { address: part.offset, data: reader.result.replace(/^.*,/, '') }
    }))
    return JSON.stringify({ failure: null, name: manifest.name, version: manifest.version, parts })
  } catch (error) {
    return JSON.stringify({ failure: String(error) })
  }
}`
