import { certificatesIn, certificatesOfFile, isPrivateKey } from './certificate-facts.js'
import { embeddedFiles } from './embedded-files.js'
import type { EmbeddedCertificate, OptionFacts, ProjectFacts, ProjectSystem, SourceMarks, UrlFact } from './facts.js'
import { formOf, urlsInLines, urlsInLiterals, withoutCredentials } from './firmware-url.js'
import { linesOfSettings, readConfiguration, readConfigurationJson, readKconfigDefaults } from './kconfig.js'
import { macrosOf, withMacros } from './macro-texts.js'
import type { ProjectFile } from './project-files.js'
import { type Configuration, readSource, type SourceText } from './source-text.js'

/** What the texts of a project say, without its builds. */
export type ReadProject = Pick<
  ProjectFacts,
  'urls' | 'certificates' | 'missingCertificates' | 'keys' | 'options' | 'marks' | 'newest'
> & { readonly configuration: Configuration }

export interface ProjectTexts {
  readonly system: ProjectSystem
  readonly files: readonly ProjectFile[]
  /** Path of the sdkconfig that the build uses, relative to the project. */
  readonly sdkconfig: string
  /** build/config/sdkconfig.json of each build. */
  readonly built: readonly ProjectFile[]
  /** Whether code that the project fetched confirms updates. */
  readonly isConfirmedElsewhere: boolean
}

/** Reads a project out of the texts of its files. */
export function readProject({ system, files, sdkconfig, built, isConfirmedElsewhere }: ProjectTexts): ReadProject {
  const config = files.find(({ file }) => file === sdkconfig)
  const defaults = files.filter(({ file }) => /^sdkconfig\.defaults(\.|$)/.test(file))
  const used = config === undefined ? defaults : [config]
  const fromDefaults = config === undefined ? kconfigDefaults(files) : []
  const said: Configuration = new Map(used.flatMap(({ text }) => [...readConfiguration(text)]))
  const configuration: Configuration = new Map([
    ...fromDefaults.map(({ name, value }) => [name, value] as const),
    ...said
  ])
  const sources = files
    .filter(({ file }) => SOURCE.test(file))
    .map(found => ({ ...found, source: readSource(found.text, configuration) }))
  const macrosFor = macrosOf(
    sources.map(({ source }) => source),
    configuration
  )
  const marks = marksOf(sources, files, isConfirmedElsewhere)
  const isUpdating = new Set(sources.filter(({ source }) => MARKS.updates.test(source.code)).map(({ file }) => file))
  return {
    configuration,
    urls: [
      ...used.flatMap(found => urlsInConfiguration(found, 'config')),
      ...fromDefaults.flatMap(({ name, value, file, line }) =>
        said.has(name) ? [] : configUrl(name, value, file, line, 'config')
      ),
      ...(config === undefined ? [] : defaults.flatMap(found => urlsInConfiguration(found, 'defaults'))),
      ...built.flatMap(({ file, text }) =>
        [...readConfigurationJson(text)].flatMap(([name, value]) => configUrl(name, value, file, null, 'built'))
      ),
      ...sources.flatMap(({ file, source }) =>
        urlsInLiterals(withMacros(source, macrosFor(source)), file, isUpdating.has(file))
      ),
      ...files
        .filter(({ file }) => isPlainConfiguration(file, system))
        .flatMap(({ file, text }) => urlsInLines(text, file))
    ],
    ...certificatesOf(files, sources, configuration),
    keys: files.filter(({ text, file }) => /\.(pem|key)$/i.test(file) && isPrivateKey(text)).map(({ file }) => file),
    options: optionsOf(configuration, config?.file ?? defaults[0]?.file ?? null),
    marks,
    newest: newestOf(files)
  }
}

const SOURCE = /\.(c|cc|cpp|cxx|h|hh|hpp|hxx|inc|ino|pde)$/
const isPlainConfiguration = (file: string, system: ProjectSystem): boolean =>
  file === 'platformio.ini' || (system === 'esphome' && /^[^/]+\.ya?ml$/.test(file))

function kconfigDefaults(
  files: readonly ProjectFile[]
): readonly { name: string; value: string; file: string; line: number }[] {
  return files
    .filter(({ file }) => /(^|\/)Kconfig[^/]*$/.test(file))
    .flatMap(({ file, text }) =>
      [...readKconfigDefaults(text)].map(([name, { value, line }]) => ({ name, value, file, line }))
    )
}

function urlsInConfiguration({ file, text }: ProjectFile, origin: UrlFact['origin']): readonly UrlFact[] {
  const lines = linesOfSettings(text)
  return [...readConfiguration(text)].flatMap(([name, value]) =>
    configUrl(name, value, file, lines.get(name) ?? null, origin)
  )
}

/** A setting that by its name holds the address of firmware counts even where it is empty. */
function configUrl(
  name: string,
  value: string,
  file: string,
  line: number | null,
  origin: UrlFact['origin']
): readonly UrlFact[] {
  const isUrlSetting = /(FIRMWARE_UPG|FIRMWARE_UPGRADE|OTA_SERVER|OTA|FOTA)\w*_(URL|URI)$/.test(name)
  const form = formOf(value, name, true) ?? (isUrlSetting && !/^(FROM_STDIN|y|n)$/.test(value) ? 'url' : undefined)
  return form === undefined ? [] : [{ text: withoutCredentials(value), file, line, name, origin, form }]
}

const MARKS: Readonly<Record<Exclude<keyof SourceMarks, 'files'>, RegExp>> = {
  confirmsApp: /\besp_ota_mark_app_valid/,
  skipsNameCheck: /\bskip_cert_common_name_check\s*=\s*(true|1)\b/,
  skipsVerification: /(\.|->)setInsecure\s*\(|(\.|->)allowSelfSignedCerts\s*\(/,
  usesBundle: /\besp_crt_bundle_attach\b|(\.|->)setCACertBundle\s*\(/,
  setsClock: /sntp|\bconfigTime|\bconfigTzTime|\bsettimeofday\b|\bsetX509Time\b|\bNTPClient\b/i,
  updates:
    /\besp_https_ota|\besp_ota_begin\b|\bhttpUpdate\b|\bHTTPUpdate\b|\bESPhttpUpdate\b|\bUpdate\s*\.\s*begin\b|\besp32FOTA\b|\bESP32OTAPull\b|\bghota_/
}

function marksOf(
  sources: readonly (ProjectFile & { readonly source: SourceText })[],
  files: readonly ProjectFile[],
  isConfirmedElsewhere: boolean
): SourceMarks {
  const placeOf = (mark: RegExp): string | null => {
    for (const { file, source } of sources) {
      const found = mark.exec(source.code)
      if (found !== null) return `${file}:${source.code.slice(0, found.index).split('\n').length}`
    }
    return null
  }
  const unverified = files.find(
    ({ file, text }) => /\.ya?ml$/.test(file) && /^[ \t]*verify_ssl:\s*(false|no|off)\b/im.test(text)
  )
  return {
    files: sources.length,
    confirmsApp: placeOf(MARKS.confirmsApp) ?? (isConfirmedElsewhere ? 'managed_components' : null),
    skipsNameCheck: placeOf(MARKS.skipsNameCheck),
    skipsVerification: placeOf(MARKS.skipsVerification) ?? unverified?.file ?? null,
    usesBundle: placeOf(MARKS.usesBundle),
    setsClock: placeOf(MARKS.setsClock),
    updates: placeOf(MARKS.updates)
  }
}

/** Where certificates lie that nobody but an update client embeds. */
const CERTIFICATE_PLACE = /(^|\/)(server_certs|certs?|certificates)\/[^/]+\.(pem|crt|cer|der)$/i
/** Names of certificates that lie beside the sources. */
const ANCHOR_NAME =
  /(^|\/)(ca_cert|ca|root|root_ca|rootca|server_cert|server_root_cert|server_root|ota[^/]*)\.(pem|crt|cer|der)$/i

function certificatesOf(
  files: readonly ProjectFile[],
  sources: readonly (ProjectFile & { readonly source: SourceText })[],
  configuration: Configuration
): Pick<ProjectFacts, 'certificates' | 'missingCertificates'> {
  const scripts = files.filter(({ file }) =>
    /(^|\/)(CMakeLists\.txt|component\.mk|[^/]+\.cmake|platformio\.ini)$/.test(file)
  )
  const named = scripts.flatMap(({ file, text }) =>
    embeddedFiles(text, file.slice(0, Math.max(0, file.lastIndexOf('/'))))
  )
  const isBundled = configuration.get('CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE') === 'y'
  const bundle = configuration.get('CONFIG_MBEDTLS_CUSTOM_CERTIFICATE_BUNDLE_PATH')
  if (isBundled && bundle !== undefined && bundle !== '') named.push(bundle.replace(/^\.\//, ''))
  const isNamed = (file: string): boolean => named.some(each => each === file || file.startsWith(`${each}/`))
  const ofFiles = files
    .filter(({ file, text }) => /\.(pem|crt|cer|der)$/i.test(file) && !isPrivateKey(text))
    .flatMap(({ file, bytes, text }): readonly EmbeddedCertificate[] => {
      if (/-----BEGIN (PUBLIC KEY|CERTIFICATE REQUEST|RSA PUBLIC KEY)-----/.test(text)) return []
      if (isNamed(file)) return certificatesOfFile(bytes, file, 'embedded')
      return CERTIFICATE_PLACE.test(file) || ANCHOR_NAME.test(file) ? certificatesOfFile(bytes, file, 'lying') : []
    })
  const ofSources = sources.flatMap(({ file, source }) =>
    source.literals.flatMap(({ value, line }): readonly EmbeddedCertificate[] =>
      value.includes('-----BEGIN CERTIFICATE-----')
        ? orUnreadable(certificatesIn(value)).map(certificate => ({ file, line, place: 'source', certificate }))
        : []
    )
  )
  const missing = [...new Set(named)].filter(
    file => !files.some(found => found.file === file || found.file.startsWith(`${file}/`))
  )
  return { certificates: [...ofFiles, ...ofSources], missingCertificates: missing }
}

const orUnreadable = <T>(found: readonly (T | null)[]): readonly (T | null)[] => (found.length === 0 ? [null] : found)

/** What some check asks for; the rest of a configuration is nobody's business. */
const ASKED_FOR =
  /^CONFIG_(IDF_TARGET|\w*OTA\w*|\w*FIRMWARE_UPG\w*|\w*CERT_BUNDLE\w*|\w*CERTIFICATE_BUNDLE\w*|\w*SKIP_COMMON_NAME\w*|ESP_TLS_INSECURE|ESP_TLS_SKIP_SERVER_CERT_VERIFY|BOOTLOADER_APP_\w+|PARTITION_TABLE_\w+|ESPTOOLPY_FLASHSIZE|MBEDTLS_HAVE_TIME_DATE|MBEDTLS_SSL_IN_CONTENT_LEN|MBEDTLS_SSL_MAX_CONTENT_LEN|MBEDTLS_ECDSA_C|MBEDTLS_ECP_C|MBEDTLS_ECP_DP_SECP256R1_ENABLED|MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA|SECURE_BOOT|SECURE_BOOT_V[12]_ENABLED|SECURE_SIGNED_\w+)$/

function optionsOf(configuration: Configuration, file: string | null): OptionFacts {
  const asked = [...configuration].filter(([name]) => ASKED_FOR.test(name))
  return { file, values: Object.fromEntries(asked.map(([name, value]) => [name, withoutCredentials(value)])) }
}

function newestOf(files: readonly ProjectFile[]): ProjectFacts['newest'] {
  const [newest] = files.toSorted((a, b) => b.modifiedAt - a.modifiedAt)
  return newest === undefined ? null : { file: newest.file, at: new Date(newest.modifiedAt).toISOString() }
}
