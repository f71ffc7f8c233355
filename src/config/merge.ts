import { OPTION_KEYS, OPTIONS, type OptionKey, type Settings } from './options.js'

/** One place that settings come from, with the values it gives; the later of two layers wins. */
export interface Layer {
  /** As a person would say where a value comes from: `default`, `config/otad.json`, `OTAD_PORT`, `--port`. */
  readonly sourceOf: (key: OptionKey) => string
  readonly values: Readonly<Partial<Record<OptionKey, unknown>>>
}

export interface MergedSettings {
  readonly settings: Settings
  /** Where each value came from, so that "why does it listen there?" has an answer. */
  readonly sources: Readonly<Record<OptionKey, string>>
}

/** The settings that the layers amount to. Values have been checked before; nothing is checked here. */
export function mergeLayers(layers: readonly Layer[]): MergedSettings {
  const defaults: Layer = {
    sourceOf: () => 'default',
    values: Object.fromEntries(OPTION_KEYS.map(key => [key, OPTIONS[key].default]))
  }
  const settings: Partial<Record<OptionKey, unknown>> = {}
  const sources: Partial<Record<OptionKey, string>> = {}
  for (const { sourceOf, values } of [defaults, ...layers]) {
    for (const key of OPTION_KEYS) {
      if (values[key] === undefined) continue
      settings[key] = values[key]
      sources[key] = sourceOf(key)
    }
  }
  return Object.freeze({
    settings: Object.freeze(settings) as Settings,
    sources: Object.freeze(sources) as Record<OptionKey, string>
  })
}
