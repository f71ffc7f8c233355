/** What an update client is called, and the version of its SDK where it tells one. */
export interface UpdateClient {
  readonly client: string
  readonly sdk: string | null
}

/** What else the client said of itself, in the headers of HTTPUpdate. */
export interface Told {
  readonly kind: 'arduino-esp32' | 'arduino-esp8266'
  readonly sdk: string | undefined
}

/** What a person looks with: no device. */
export const BROWSER = 'browser'

/**
 * User agents as the clients send them (clients.md 5 to 12), the first that fits. A group holds the version of what they are built with.
 */
const AGENTS: readonly (readonly [agent: RegExp, client: string])[] = [
  // esp_http_client.c, DEFAULT_HTTP_USER_AGENT
  [/^ESP32 HTTP Client/i, 'ESP-IDF'],
  [/^ESPHome\/(\S+)/i, 'ESPHome'],
  [/^esphome/i, 'ESPHome'],
  [/tasmota/i, 'Tasmota'],
  [/^ESP32-http-Update/i, 'Arduino HTTPUpdate'],
  [/^ESP8266-http-Update/i, 'ESP8266httpUpdate'],
  [/^ESP32HTTPClient/i, 'Arduino HTTPClient'],
  [/^ESP8266HTTPClient/i, 'ESP8266 HTTPClient'],
  [/^Arduino\//i, 'ArduinoHttpClient'],
  // native_ota of ESP8266_RTOS_SDK
  [/^esp-idf\/1\.0/i, 'ESP8266_RTOS_SDK'],
  [/^Mender\/(\S+)/i, 'Mender'],
  [/^curl\/(\S+)/i, 'curl'],
  [/^wget\/(\S+)/i, 'Wget'],
  [/^mozilla\//i, BROWSER],
  [/^python-requests\/(\S+)/i, 'Python'],
  [/^python-urllib\/(\S+)/i, 'Python'],
  [/^mbed ?TLS/i, 'mbedTLS client']
]

/** Names the kind of client by what it sends; `unknown` where that tells nothing. */
export function nameClient(userAgent: string, told: Told | undefined): UpdateClient {
  if (told !== undefined) {
    const kind = told.kind === 'arduino-esp32' ? 'Arduino HTTPUpdate' : 'ESP8266httpUpdate'
    const isTasmota = /tasmota/i.test(`${userAgent} ${told.sdk ?? ''}`)
    return { client: isTasmota ? 'Tasmota' : kind, sdk: told.sdk ?? null }
  }
  for (const [agent, client] of AGENTS) {
    const found = agent.exec(userAgent)
    if (found !== null) return { client, sdk: found[1] ?? null }
  }
  return { client: 'unknown', sdk: null }
}
