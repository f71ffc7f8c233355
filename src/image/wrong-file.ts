import { describeKind, type Kind } from './kinds.js'
import type { Problem } from './problem.js'
import type { Verdict } from './verdict.js'

/**
 * One sentence for somebody who took the wrong file of a build: what it is, and which neighbour to serve instead, picked by the
 * names that ESP-IDF, Arduino, PlatformIO and ESPHome give. A neighbour is only named; whether it is an app its bytes must tell.
 */
export function explainWrongFile(kind: Kind, neighbours: readonly string[]): string {
  const apps = appsAmong(neighbours)
  if (apps.length === 0) return `this is ${describeKind(kind)}`
  return `this is ${whatItIs(kind)}; serve ${listed(apps)}`
}

const WRONG_FILE: ReadonlySet<Problem['code']> = new Set(['is-bootloader', 'is-ram-app', 'is-merged-flash'])

/** Whether a file is refused for what it is, not for damage: of such a one it helps to say which file was meant. */
export function isWrongFile({ verdict, problems, kind }: Verdict): boolean {
  if (verdict !== 'reject') return false
  return problems.some(({ code }) => WRONG_FILE.has(code) || (code === 'not-an-esp-image' && kind !== 'unknown'))
}

/** What a build writes beside its app, by the end of its name. */
const NOT_APPS = [
  /^bootloader.*\.bin$/,
  /(^|[._-])partitions?([._-]table)?\.bin$/,
  /^(ota_data_initial|boot_app0|phy_init_data|nvs|storage|spiffs|littlefs|fatfs|srmodels)\.bin$/,
  /(merged|factory|merged-binary|merged-flash|full[._-]flash)\.bin$/,
  /\.(spiffs|littlefs|mklittlefs|fatfs)\.bin$/
]

/** Names that a build gives only to what an update needs: ESPHome, Arduino, PlatformIO, and signed apps before unsigned ones. */
const SURELY_APPS = [/[._-]ota\.bin$/, /[._-]signed\.bin$/, /\.ino\.bin$/, /^firmware\.bin$/]

function appsAmong(neighbours: readonly string[]): readonly string[] {
  const apps = neighbours.filter(path => {
    const name = lastPart(path)
    return name.endsWith('.bin') && !NOT_APPS.some(pattern => pattern.test(name))
  })
  const sure = SURELY_APPS.map(pattern => apps.filter(path => pattern.test(lastPart(path))))
  return sure.find(group => group.length > 0) ?? apps
}

function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1).toLowerCase()
}

/** More names than this help nobody. */
const NAMED = 3

function listed(names: readonly string[]): string {
  const [only] = names
  if (names.length === 1 && only !== undefined) return only
  const more = names.length > NAMED ? ` or one of ${names.length - NAMED} more` : ''
  return `${names.slice(0, NAMED).join(' or ')}${more}`
}

/** Shorter than `describeKind`, where the sentence goes on with the right file. */
function whatItIs(kind: Kind): string {
  if (kind === 'merged-flash') return 'the merged image for the factory'
  if (kind === 'erased') return 'erased flash, as in ota_data_initial.bin'
  const [what = ''] = describeKind(kind).split(/; | and cannot be|, which esp_https_ota/)
  return what
}
