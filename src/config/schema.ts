import { OPTION_KEYS, OPTIONS, type Option, type OptionKind } from './options.js'

/** The JSON schema of `config/otad.json`, made from the options table; `config/otad.schema.json` is this, written out. */
export function settingsSchema(): object {
  const inFile = OPTION_KEYS.filter(key => !(OPTIONS[key] as Option).notInFile)
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'otad settings',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      ...Object.fromEntries(
        inFile.map(key => [
          key,
          { ...shapeOf(OPTIONS[key].kind), default: OPTIONS[key].default, description: OPTIONS[key].sentence }
        ])
      )
    }
  }
}

function shapeOf(kind: OptionKind): object {
  switch (kind.type) {
    case 'text':
    case 'path':
      return { type: 'string' }
    case 'list':
      return { type: 'array', items: { type: 'string' } }
    case 'switch':
      return { type: 'boolean' }
    case 'choice':
      return { enum: kind.choices }
    case 'number':
    case 'bytes':
      return { type: 'integer', minimum: kind.minimum, maximum: kind.maximum }
  }
}
