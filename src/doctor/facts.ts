import type { NameStatus, PinFacts } from '../answers.js'
import type { DeviceHistory } from '../devices/device-facts.js'

/**
 * Everything that the doctor has looked at, as plain JSON: what is not known is null. Text out of projects, programs and devices stands as it
 * came; whoever prints it makes it `printable`. Times are ISO 8601, UTC; lengths are bytes.
 */
export interface Facts {
  readonly at: string
  readonly settings: SettingFacts
  readonly machine: MachineFacts
  /** The otad that runs with this home; null where none does. */
  readonly daemon: DaemonFacts | null
  readonly port: PortFacts
  readonly firewalls: readonly FirewallFacts[]
  readonly certificate: CertificateFacts
  readonly releases: readonly ReleaseFact[]
  /** The host names in the projects' URLs. */
  readonly resolved: readonly ResolvedHost[]
  readonly projects: readonly ProjectFacts[]
}

/** A host name, and the addresses that it leads to from here. */
export interface ResolvedHost {
  readonly host: string
  readonly addresses: readonly string[]
}

/** The settings that count here, and where those come from that a person may wonder about. */
export interface SettingFacts {
  readonly home: string
  readonly host: string
  readonly hostSource: string
  readonly port: number
  readonly portSource: string
  readonly ports: readonly number[]
  /** Null where it is off. */
  readonly httpPort: number | null
  readonly names: readonly string[]
  /** Empty where otad chooses. */
  readonly advertise: string
  readonly certMode: string
  readonly maxTlsRecord: number
  readonly asksForCredentials: boolean
}

export interface MachineFacts {
  readonly platform: string
  readonly isRoot: boolean
  readonly hostName: string
  /** The likeliest to be used by a device first. */
  readonly addresses: readonly MachineAddress[]
  /** The host that devices are told: that of the running otad, else the one that it would choose. */
  readonly advertised: string
  readonly container: string | null
  readonly wsl: 1 | 2 | null
  /** Ports below this one are for root. */
  readonly firstFreePort: number
}

export interface MachineAddress {
  readonly address: string
  readonly family: 4 | 6
  readonly interfaceName: string
  readonly isLoopback: boolean
  /** On a bridge or a tunnel, which no device of the LAN is behind. */
  readonly isInside: boolean
  /** `192.168.1.8/24`; null where the system does not say. */
  readonly cidr: string | null
}

export interface DaemonFacts {
  readonly version: string
  readonly since: string
  readonly origin: string
  readonly host: string
  readonly port: number
  readonly names: readonly NameStatus[]
  readonly pins: readonly PinFacts[]
  /** Null where that otad does not tell of devices. */
  readonly devices: readonly DeviceHistory[] | null
}

/** What is at the port that devices are told, seen from this machine. */
export interface PortFacts {
  readonly port: number
  /** Who listens there, as the system has it; null where it does not tell. */
  readonly sockets: readonly ListeningSocket[] | null
  readonly probes: readonly Probe[]
}

export interface ListeningSocket {
  readonly address: string
  readonly port: number
  /** `nginx (pid 812)`; null where that is not ours to know. */
  readonly holder: string | null
}

/** One look at a port as a device would have it: connect, TLS where it is asked for, `GET /health`. */
export interface Probe {
  readonly host: string
  readonly port: number
  readonly scheme: 'https' | 'http'
  /**
   * `ours` is the otad of this home, `otad` another one, `stranger` another program; `refused` and `silent` are about TCP, `no-tls` about
   * a port that speaks something else.
   */
  readonly outcome: 'ours' | 'otad' | 'stranger' | 'no-tls' | 'refused' | 'silent'
  readonly detail: string
  /** What was shown there; null without TLS. */
  readonly certificate: ShownCertificate | null
}

export interface ShownCertificate {
  readonly fingerprint: string
  readonly validFrom: string
  readonly validTo: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
  /** Why a client that trusts the certificate to embed would refuse it; null where it would not. */
  readonly complaint: string | null
}

/** What one firewall does with a device of the LAN that asks for the port. */
export interface FirewallFacts {
  readonly tool: 'nftables' | 'iptables' | 'ip6tables' | 'ufw' | 'firewalld' | 'windows'
  readonly port: number
  readonly decision: FirewallDecision
  /** The rule or policy that decides, or why nobody can tell. */
  readonly reason: string
  /** What to type so that the port is open. */
  readonly fix: string
}

export type FirewallDecision = 'accepts' | 'drops' | 'unknown'

export interface CertificateFacts {
  readonly source: 'ca' | 'self-signed' | 'own'
  /** What devices embed; null where it is not there yet, or only the operator knows it. */
  readonly anchor: CertificateFact | null
  /** What the server shows; null where it is not there yet. */
  readonly leaf: CertificateFact | null
  /** What keeps otad from using them. */
  readonly problem: { readonly sentence: string; readonly hint: string } | null
  /** Key files that others may read, with their mode. */
  readonly readableKeys: readonly { readonly file: string; readonly mode: string }[]
}

export interface CertificateFact {
  readonly file: string
  readonly subject: string
  readonly fingerprint: string
  readonly validFrom: string
  readonly validTo: string
  readonly isCa: boolean
  readonly keyType: string
  readonly dnsNames: readonly string[]
  readonly ipAddresses: readonly string[]
}

/** A current release of the catalog in `state/`. */
export interface ReleaseFact {
  readonly name: string
  readonly digest: string
  readonly version: string
  readonly secureVersion: number | null
  readonly folder: string
  readonly warnings: readonly string[]
  /** The highest secure version of this name that was ever kept. */
  readonly highestSecureVersion: number | null
}

export type ProjectSystem = 'esp-idf' | 'platformio' | 'arduino' | 'esphome' | 'plain'

/** A project as its files have it. Files are relative to its folder, with forward slashes. */
export interface ProjectFacts {
  readonly folder: string
  readonly system: ProjectSystem
  readonly description: string
  /** What a build will be served as, by the names that the build files of ESP-IDF and PlatformIO give; none where they give none. */
  readonly expectedApps: readonly string[]
  /** Files and folders that could not be read, the first of them. */
  readonly unread: readonly string[]
  /** Files and folders that were not looked at, for there are too many, the first of them. */
  readonly leftOut: readonly string[]
  readonly urls: readonly UrlFact[]
  readonly certificates: readonly EmbeddedCertificate[]
  /** Files that the project embeds and that are not there. */
  readonly missingCertificates: readonly string[]
  /** Private keys in its folder. */
  readonly keys: readonly string[]
  readonly options: OptionFacts
  readonly marks: SourceMarks
  readonly tables: readonly TableFact[]
  readonly outputs: readonly OutputFact[]
  /** The file that was changed last. */
  readonly newest: { readonly file: string; readonly at: string } | null
}

/** One place where a project says where its firmware is. */
export interface UrlFact {
  /** The text as it stands. */
  readonly text: string
  readonly file: string
  readonly line: number | null
  /** The setting, macro or variable that it is the value of; null where nobody names it. */
  readonly name: string | null
  /**
   * `config`: what the build takes. `defaults`: what a fresh configuration would take. `built`: what the last build took. `source`: a literal or a
   * macro. `image`: in the firmware itself.
   */
  readonly origin: 'config' | 'defaults' | 'built' | 'source' | 'image'
  /** `url` stands alone, `base` is what file names are put behind, `host` is a host without a scheme. */
  readonly form: 'url' | 'base' | 'host'
  /** The macros and settings that a text of a source was put together with. */
  readonly macros?: readonly string[]
}

export interface EmbeddedCertificate {
  readonly file: string
  readonly line: number | null
  /** `embedded`: the build takes it. `lying`: it lies where certificates lie, and no build file names it. `image`: in the firmware itself. */
  readonly place: 'embedded' | 'source' | 'lying' | 'image'
  /** Null for text that is no certificate. */
  readonly certificate: Omit<CertificateFact, 'file' | 'dnsNames' | 'ipAddresses'> | null
}

/** What the configuration of an ESP-IDF project says; empty of what it does not say. */
export interface OptionFacts {
  /** The file that it was read from; null where there is none. */
  readonly file: string | null
  /** `CONFIG_…` → value, without quotation marks; `n` for what is said not to be set. Only those that some check asks for. */
  readonly values: Readonly<Record<string, string>>
}

/** What the sources do, each with the place where they do it: `main/ota.c:41`. */
export interface SourceMarks {
  readonly files: number
  readonly confirmsApp: string | null
  readonly skipsNameCheck: string | null
  readonly skipsVerification: string | null
  readonly usesBundle: string | null
  readonly setsClock: string | null
  readonly updates: string | null
}

/** One partition table, as far as an update is concerned. */
export interface TableFact {
  /** The file, or the setting that chooses a table of the framework. */
  readonly file: string
  readonly isValid: boolean
  readonly otaSlots: readonly { readonly label: string; readonly size: number }[]
  readonly hasOtaData: boolean
  /** The first byte behind the last partition. */
  readonly end: number
}

/** What a build has left. */
export interface OutputFact {
  readonly folder: string
  readonly chip: string | null
  /** The app image; null where the build has not left one. */
  readonly image: ImageFact | null
  /** Where the app image belongs. */
  readonly app: string | null
}

export interface ImageFact {
  readonly file: string
  readonly size: number
  readonly digest: string
  readonly kind: string
  readonly chip: string | null
  readonly project: string | null
  readonly version: string | null
  readonly secureVersion: number | null
  readonly builtAt: string | null
  readonly modifiedAt: string
  readonly slotSize: number | null
  readonly isServable: boolean
  readonly isSigned: boolean
  readonly problems: readonly { readonly code: string; readonly sentence: string; readonly isWarning: boolean }[]
  /** What a device would print. */
  readonly device: readonly string[]
}
