import { describeDefault, flagOf, OPTION_KEYS, OPTIONS, type Option, variableOf } from '../../src/config/options.js'

/** The README's table of settings, as the options table has it. */
export function settingsTable(): string {
  const rows = OPTION_KEYS.map(key => {
    const option: Option = OPTIONS[key]
    const flag = option.isArgument ? `arguments of \`serve\`` : `\`${flagOf(key)}\``
    const inFile = option.notInFile ? '' : `\`${key}\``
    return `| ${flag} | \`${variableOf(key)}\` | ${inFile} | ${describeDefault(key)} | ${option.sentence} |`
  })
  return [
    '| flag | variable | in the file | default | what it does |',
    '| --- | --- | --- | --- | --- |',
    ...rows
  ].join('\n')
}
