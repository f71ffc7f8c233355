import type { Rule } from './rule.js'
import { BOOT_RULES } from './rules/boot.js'
import { CERTIFICATE_RULES } from './rules/certificate.js'
import { CONSEQUENCE_RULES } from './rules/consequences.js'
import { DOWNLOAD_RULES } from './rules/download.js'
import { HTTP_RULES } from './rules/http.js'
import { IMAGE_RULES } from './rules/image.js'
import { NETWORK_RULES } from './rules/network.js'
import { REACH_RULES } from './rules/reach.js'
import { SLOT_RULES } from './rules/slot.js'
import { TLS_RULES } from './rules/tls.js'
import { UNCHANGED_RULES } from './rules/unchanged.js'

/** Every rule. Of those that fit a line the first one counts, so that what names a cause stands before what is general. */
export const RULES: readonly Rule[] = [
  ...UNCHANGED_RULES,
  ...NETWORK_RULES,
  ...REACH_RULES,
  ...CERTIFICATE_RULES,
  ...TLS_RULES,
  ...HTTP_RULES,
  ...DOWNLOAD_RULES,
  ...IMAGE_RULES,
  ...SLOT_RULES,
  ...BOOT_RULES,
  ...CONSEQUENCE_RULES
]

/** Codes of the rules that mean that the device did not want the build. */
export const UNCHANGED_CODES: ReadonlySet<string> = new Set(UNCHANGED_RULES.map(({ code }) => code))
