import { placeOf } from '../expected.js'
import type { Facts, OptionFacts, ProjectFacts } from '../facts.js'
import { type Found, serious, warning } from '../finding.js'
import { parseFirmwareUrl } from '../firmware-url.js'

/** What a project is set to do, as far as it keeps updates out or lets others in. */
export function checkProjectSettings(facts: Facts): readonly Found[] {
  return facts.projects.flatMap(project => [
    ...checkPlainHttp(project),
    ...checkVerification(project),
    ...checkTls(project, facts)
  ])
}

const isSet = ({ values }: OptionFacts, name: string): boolean => values[name] === 'y'
const settingOf = ({ values }: OptionFacts, pattern: RegExp): string | undefined =>
  Object.keys(values).find(name => pattern.test(name) && values[name] === 'y')

function inConfiguration(project: ProjectFacts, what: string): string {
  return `${placeOf(project, project.options.file ?? 'its configuration', null)} has ${what}`
}

const ALLOWS_HTTP = /^CONFIG_(ESP_HTTPS_OTA_ALLOW_HTTP|OTA_ALLOW_HTTP)$/

function checkPlainHttp(project: ProjectFacts): readonly Found[] {
  const { options, urls, marks } = project
  const allowed = settingOf(options, ALLOWS_HTTP)
  const now = urls.filter(({ origin }) => origin === 'config' || origin === 'source')
  const plain = now.find(({ text, form }) => form !== 'host' && parseFirmwareUrl(text)?.scheme === 'http')
  if (allowed !== undefined)
    return [
      warning(
        'http-allowed',
        inConfiguration(project, `${allowed}=y: a device then takes firmware without TLS from anybody on the way`),
        `unset ${allowed} and use the https URL`
      )
    ]
  if (plain === undefined || project.system !== 'esp-idf' || options.file === null || marks.updates === null) return []
  return [
    serious(
      'http-not-allowed',
      `${placeOf(project, plain.file, plain.line)} says ${plain.text}, and esp_https_ota refuses http as the project is set`,
      'use the https URL; CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP=y (before 5: CONFIG_OTA_ALLOW_HTTP) allows http, which anybody on the way can change'
    )
  ]
}

function checkVerification(project: ProjectFacts): readonly Found[] {
  const { options, marks } = project
  const found: Found[] = []
  const skipped = settingOf(options, /SKIP_COMMON_NAME(_CHECK)?$/)
  if (skipped !== undefined || marks.skipsNameCheck !== null)
    found.push(
      warning(
        'name-check-skipped',
        skipped === undefined
          ? `${placeOf(project, `${marks.skipsNameCheck}`, null)} sets skip_cert_common_name_check: a device then takes any server with a certificate of this CA, and names none`
          : inConfiguration(
              project,
              `${skipped}=y: a device then takes any server with a certificate of this CA, and names none`
            ),
        "unset it: otad's certificate is good for every address of this machine"
      )
    )
  const insecure = settingOf(options, /^CONFIG_ESP_TLS_(INSECURE|SKIP_SERVER_CERT_VERIFY)$/)
  if (insecure !== undefined || marks.skipsVerification !== null)
    found.push(
      warning(
        'verification-skipped',
        insecure === undefined
          ? `${placeOf(project, `${marks.skipsVerification}`, null)} does not verify the server: anybody on the way can give a device other firmware`
          : inConfiguration(project, `${insecure}=y: anybody on the way can give a device other firmware`),
        'embed the CA instead: otad snippet prints the lines'
      )
    )
  return found
}

function checkTls(project: ProjectFacts, { settings, certificate }: Facts): readonly Found[] {
  const { options, marks } = project
  const found: Found[] = []
  const buffer = Number(
    options.values.CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN ?? options.values.CONFIG_MBEDTLS_SSL_MAX_CONTENT_LEN ?? Number.NaN
  )
  if (buffer < settings.maxTlsRecord)
    found.push(
      serious(
        'tls-buffer-small',
        inConfiguration(
          project,
          `a TLS input buffer of ${buffer} bytes, otad sends records of up to ${settings.maxTlsRecord}: a device stops with -0x7200 or -0x7100`
        ),
        `otad serve --max-tls-record ${Math.max(512, buffer)}, or CONFIG_MBEDTLS_SSL_IN_CONTENT_LEN=${settings.maxTlsRecord}`
      )
    )
  const withoutEc = [
    'CONFIG_MBEDTLS_ECDSA_C',
    'CONFIG_MBEDTLS_ECP_C',
    'CONFIG_MBEDTLS_ECP_DP_SECP256R1_ENABLED',
    'CONFIG_MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA'
  ].find(name => options.values[name] === 'n')
  if (withoutEc !== undefined && (certificate.leaf ?? certificate.anchor)?.keyType === 'ec')
    found.push(
      serious(
        'no-ecdsa',
        inConfiguration(
          project,
          `${withoutEc} unset, and the certificate of otad is on P-256: there is no cipher for both (-0x7780)`
        ),
        'set it; or make an RSA certificate: otad cert --key-type rsa --new-ca, and flash the devices with it'
      )
    )
  if (isSet(options, 'CONFIG_MBEDTLS_HAVE_TIME_DATE') && marks.files > 0 && marks.setsClock === null)
    found.push(
      warning(
        'device-clock',
        inConfiguration(
          project,
          'CONFIG_MBEDTLS_HAVE_TIME_DATE=y, and no source sets the clock: at 1970 no certificate is valid yet'
        ),
        'set it by SNTP before the update (esp_netif_sntp_init), or unset it'
      )
    )
  return found
}

/** A device with rollback goes back at its next start, unless the new app says that it works. */
export function checkRollback({ projects }: Facts): readonly Found[] {
  return projects.flatMap(project => {
    const { options, marks } = project
    // The core of Arduino confirms by itself.
    const isOn = isSet(options, 'CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE') && project.system === 'esp-idf'
    if (!isOn || marks.confirmsApp !== null || marks.files === 0) return []
    return [
      serious(
        'rollback-unconfirmed',
        inConfiguration(
          project,
          'CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE=y, and no source confirms an update: at its next restart the device goes back to the old app'
        ),
        'call esp_ota_mark_app_valid_cancel_rollback() when the new app has shown that it works'
      )
    ]
  })
}
