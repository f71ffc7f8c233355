import type { ImageContext, Verdict } from './verdict.js'

/** Whether a judged file may be offered as an update: an accepted app, or a sound ESP8266 image in a project for the ESP8266. */
export function isServable(verdict: Verdict, context: ImageContext): boolean {
  switch (verdict.verdict) {
    case 'accept':
      return verdict.kind === 'app' || verdict.kind === 'app-without-descriptor'
    case 'other-family':
      return context.chip === 'esp8266'
    case 'reject':
      return false
  }
}
