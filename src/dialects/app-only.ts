import type { Release } from '../releases/release.js'

/**
 * What has to be true of a release before a client is sent to it that installs whatever it is given and asks by version alone whether to.
 * A sentence where it is not.
 */
export function whyNotAnApp({ kind, name }: Release): string | undefined {
  if (kind === 'app' || kind === 'app-without-descriptor' || kind.startsWith('esp8266')) return undefined
  return `${name} is not an app that could be installed as it is (${kind})`
}

/** The same of its version: without one a device would install it again and again. */
export function whyNoVersion({ name, version, project }: Release): string | undefined {
  if (version === '') return `${name} does not tell its version, by which a device knows whether it has it already`
  // The app descriptor of an Arduino sketch comes out of the library that arduino-lib-builder made.
  if (!project.endsWith('arduino-lib-builder')) return undefined
  return `${name} tells the version of Arduino's libraries (${version}) and not its own: let the sketch define esp_app_desc, as otad snippet esp32fota shows`
}
