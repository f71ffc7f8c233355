import { isSpecial } from './special-kinds.js'
import type { ImageContext, Verdict } from './verdict.js'

/**
 * Whether a judged file may be offered as an update: an accepted app, a sound ESP8266 image in a project for the ESP8266, or a
 * file of a kind that the project asks for.
 */
export function isServable({ verdict, kind }: Verdict, context: ImageContext): boolean {
  switch (verdict) {
    case 'accept':
      return kind === 'app' || kind === 'app-without-descriptor' || isSpecial(kind, context)
    case 'other-family':
      return context.chip === 'esp8266' || isSpecial(kind, context)
    case 'reject':
      return false
  }
}
