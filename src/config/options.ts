/**
 * Every setting of otad, once: its key in `config/otad.json`, its flag, its variable, its default, its check and its sentence.
 * Help text, README table and the JSON schema of the settings file are made from this table.
 */

/** How the text of a flag or a variable becomes a value, and what the value may be. */
export type OptionKind =
  | { readonly type: 'text' }
  | { readonly type: 'path' }
  | { readonly type: 'list' }
  | { readonly type: 'switch' }
  | { readonly type: 'choice'; readonly choices: readonly string[] }
  | { readonly type: 'number'; readonly minimum: number; readonly maximum: number }
  /** Bytes; text may carry KiB, MiB or GiB. */
  | { readonly type: 'bytes'; readonly minimum: number; readonly maximum: number }

export interface Option {
  readonly kind: OptionKind
  /** What `--help` shows for the value: `--port N`. */
  readonly placeholder: string
  readonly default: unknown
  /** How the default reads in help and README where it is not a plain value. */
  readonly defaultText?: string
  readonly sentence: string
  /** Not in the settings file (`home` says where that file is). */
  readonly notInFile?: true
  /** Given as the arguments of `serve`, not as a flag. */
  readonly isArgument?: true
}

const MIB = 1024 * 1024

export const OPTIONS = {
  home: {
    kind: { type: 'path' },
    placeholder: 'DIR',
    default: undefined,
    defaultText: "the user's data folder",
    sentence: 'Folder that holds config/, certs/, firmware/ and state/.',
    notInFile: true
  },
  folders: {
    kind: { type: 'list' },
    placeholder: '[LABEL=]DIR…',
    default: [],
    defaultText: '`firmware/` of the home',
    sentence: 'Build folders to watch; with several, the label is the first part of the name.',
    isArgument: true
  },
  host: {
    kind: { type: 'text' },
    placeholder: 'ADDRESS',
    default: '::',
    sentence: 'Address to listen on; :: is every address, IPv4 and IPv6.'
  },
  port: {
    kind: { type: 'number', minimum: 0, maximum: 65535 },
    placeholder: 'N',
    default: 8070,
    sentence: 'HTTPS port; 8070 is the one that the examples of ESP-IDF use, 0 takes a free one.'
  },
  ports: {
    kind: { type: 'list' },
    placeholder: 'N,…',
    default: [],
    sentence: "More HTTPS ports that answer the same, such as 4443 for SmartThings' ota_demo."
  },
  httpPort: {
    kind: { type: 'number', minimum: 0, maximum: 65535 },
    placeholder: 'N',
    default: 0,
    defaultText: 'off',
    sentence:
      'Port that answers without TLS, for clients that cannot do it: anybody on the way can change what they get.'
  },
  names: {
    kind: { type: 'list' },
    placeholder: 'NAME,…',
    default: [],
    sentence: 'More host names and addresses that the certificate is good for.'
  },
  advertise: {
    kind: { type: 'text' },
    placeholder: 'HOST',
    default: '',
    defaultText: 'the LAN address of this machine',
    sentence: 'Host that the banner and the manifests name; it becomes the CN of the certificate.'
  },
  certMode: {
    kind: { type: 'choice', choices: ['ca', 'self-signed'] },
    placeholder: 'MODE',
    default: 'ca',
    sentence:
      'ca (a CA to embed, and leaves under it that follow your addresses) or self-signed (one certificate for both).'
  },
  keyType: {
    kind: { type: 'choice', choices: ['ec', 'rsa'] },
    placeholder: 'TYPE',
    default: 'ec',
    sentence: 'Keys that are made from now on: ec (P-256) or rsa (2048 bits, for devices without ECDSA).'
  },
  certFile: {
    kind: { type: 'path' },
    placeholder: 'FILE',
    default: '',
    defaultText: 'made by otad',
    sentence: "Your own certificate in place of otad's: PEM, the server's first, then what links it to its root."
  },
  keyFile: {
    kind: { type: 'path' },
    placeholder: 'FILE',
    default: '',
    defaultText: 'in the file of the certificate',
    sentence: 'Private key of your own certificate, PEM.'
  },
  keyPassphraseFile: {
    kind: { type: 'path' },
    placeholder: 'FILE',
    default: '',
    defaultText: 'none',
    sentence: 'File with the passphrase of that key, if it is encrypted.'
  },
  caFile: {
    kind: { type: 'path' },
    placeholder: 'FILE',
    default: '',
    defaultText: 'the root in the chain, if it is there',
    sentence: 'Certificate that devices embed to trust your own one: its root.'
  },
  clientCaFile: {
    kind: { type: 'path' },
    placeholder: 'FILE',
    default: '',
    defaultText: 'no client certificates',
    sentence: 'CA of client certificates, PEM: firmware is for devices that show one under it, and for nobody else.'
  },
  auth: {
    kind: { type: 'choice', choices: ['off', 'basic', 'digest', 'bearer'] },
    placeholder: 'SCHEME',
    default: 'off',
    sentence: 'Who may have firmware and manifests: off (everybody), or those with the credentials in authFile.'
  },
  authFile: {
    kind: { type: 'path' },
    placeholder: 'FILE',
    default: '',
    defaultText: 'none',
    sentence: 'File with the credentials, one a line: user:password for basic and digest, a token for bearer.'
  },
  cors: {
    kind: { type: 'list' },
    placeholder: 'ORIGIN,…',
    default: [],
    sentence: 'Web pages that may fetch manifests and firmware, by their origin, for ESP Web Tools; * is every page.'
  },
  signingKeyFile: {
    kind: { type: 'path' },
    placeholder: 'FILE',
    default: '',
    defaultText: 'made by otad',
    sentence: "RSA-2048 private key, PEM, that images for SmartThings' ota_demo are signed with."
  },
  deviceNames: {
    kind: { type: 'list' },
    placeholder: 'DEVICE=NAME,…',
    default: [],
    sentence:
      'What devices are called on the page and in commands, by MAC, address or certificate: 24:6f:28:aa:bb:cc=kitchen.'
  },
  mdns: {
    kind: { type: 'switch' },
    placeholder: '',
    default: false,
    sentence: 'Announce otad on the LAN by mDNS (_otad._tcp); nothing depends on it.'
  },
  maxTlsRecord: {
    kind: { type: 'bytes', minimum: 512, maximum: 16384 },
    placeholder: 'BYTES',
    default: 4096,
    sentence: 'Largest plaintext of one TLS record after the handshake; devices with a 4 KiB input buffer need 4096.'
  },
  chip: {
    kind: { type: 'text' },
    placeholder: 'CHIP',
    default: '',
    defaultText: 'from the project',
    sentence: 'Serve images of this chip only (esp32, esp32s3, esp8266, …).'
  },
  slotSize: {
    kind: { type: 'bytes', minimum: 0, maximum: 4 * 1024 * MIB },
    placeholder: 'BYTES',
    default: 0,
    defaultText: 'from the project',
    sentence: 'Size of the OTA slot that every image has to fit.'
  },
  kinds: {
    kind: { type: 'list' },
    placeholder: 'KIND,…',
    default: [],
    sentence: 'Kinds of files beside apps that are served too (bootloader, partition-table, littlefs, gzip, …).'
  },
  signature: {
    kind: { type: 'choice', choices: ['off', 'if-present', 'required'] },
    placeholder: 'POLICY',
    default: 'off',
    sentence: 'Whether images have to be signed by one of the keys: off, if-present or required.'
  },
  signatureKeys: {
    kind: { type: 'list' },
    placeholder: 'KEY,…',
    default: [],
    sentence: 'Whose signatures count: files of public keys (PEM), or key digests as eFuses hold them.'
  },
  maxImageBytes: {
    kind: { type: 'bytes', minimum: 1024, maximum: 1024 * MIB },
    placeholder: 'BYTES',
    default: 32 * MIB,
    sentence: 'Larger files are never read.'
  },
  settleMs: {
    kind: { type: 'number', minimum: 0, maximum: 60_000 },
    placeholder: 'MS',
    default: 300,
    sentence: 'How long a file that does not prove to be whole must hold still before it counts.'
  },
  poll: {
    kind: { type: 'switch' },
    placeholder: '',
    default: false,
    sentence: 'Look for changes by polling only, for mounts that report no events.'
  },
  keepReleases: {
    kind: { type: 'number', minimum: 0, maximum: 1000 },
    placeholder: 'N',
    default: 10,
    sentence: 'Earlier releases of each name that are kept.'
  },
  cacheBytes: {
    kind: { type: 'bytes', minimum: 0, maximum: 64 * 1024 * MIB },
    placeholder: 'BYTES',
    default: 128 * MIB,
    sentence: 'Memory for hot artifacts; the others are read from state/.'
  },
  logLevel: {
    kind: { type: 'choice', choices: ['debug', 'info', 'warn', 'error'] },
    placeholder: 'LEVEL',
    default: 'info',
    sentence: 'Least important lines to log.'
  },
  logFormat: {
    kind: { type: 'choice', choices: ['auto', 'pretty', 'json'] },
    placeholder: 'FORMAT',
    default: 'auto',
    sentence: 'pretty for a person, json for a program; auto asks whether the output is a terminal.'
  }
} as const satisfies Record<string, Option>

export type OptionKey = keyof typeof OPTIONS
export const OPTION_KEYS = Object.keys(OPTIONS) as readonly OptionKey[]

type ValueOf<K extends OptionKind> = K extends { readonly type: 'list' }
  ? readonly string[]
  : K extends { readonly type: 'switch' }
    ? boolean
    : K extends { readonly type: 'number' | 'bytes' }
      ? number
      : K extends { readonly type: 'choice'; readonly choices: readonly (infer C)[] }
        ? C
        : string

/** What was meant: every setting with its final value. Frozen; a room receives the few it needs. */
export type Settings = { readonly [K in OptionKey]: ValueOf<(typeof OPTIONS)[K]['kind']> }

/** `maxImageBytes` → `--max-image-bytes`. */
export function flagOf(key: OptionKey): string {
  return `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
}

/** `maxImageBytes` → `OTAD_MAX_IMAGE_BYTES`. */
export function variableOf(key: OptionKey): string {
  return `OTAD_${key.replace(/[A-Z]/g, letter => `_${letter}`).toUpperCase()}`
}

/** The default as help and README print it. */
export function describeDefault(key: OptionKey): string {
  const option: Option = OPTIONS[key]
  if (option.defaultText !== undefined) return option.defaultText
  if (Array.isArray(option.default)) return 'none'
  if (option.kind.type === 'bytes' && Number(option.default) >= MIB) return `${Number(option.default) / MIB} MiB`
  if (option.kind.type === 'switch') return option.default === true ? 'on' : 'off'
  return String(option.default)
}
