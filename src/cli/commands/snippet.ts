import path from 'node:path'
import { OperatorError } from '../../errors.js'
import { advertisedHost, resolveAnchor, resolveIdentitySettings } from '../../identity.js'
import { createLog } from '../../log.js'
import { nearestTo } from '../../nearest.js'
import { pathOf } from '../../releases/path-of.js'
import { readCatalog } from '../../releases/state.js'
import { SNIPPET_KINDS, type SnippetKind, snippetFor } from '../../snippets/snippet.js'
import { shortPath } from '../banner.js'
import type { CliCommand } from '../command.js'
import type { Io } from '../io.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

const EXAMPLES = `
Kinds: ${SNIPPET_KINDS.join(', ')}

Examples:
  otad snippet idf                          for ESP-IDF: sdkconfig lines and code
  otad snippet arduino esp32s3/blink.bin    for that one of several names
  otad snippet curl | sh                    what a device would do, by hand
`

/** What stands for the name until otad has served any. */
const PLACEHOLDER = 'firmware.bin'

/** `otad snippet KIND [NAME]`: lines to paste into the firmware of one kind of client, with today's URL and certificate. */
export const snippet: CliCommand = {
  name: 'snippet',
  summary: 'print lines to paste into the firmware: idf, arduino, platformio, esphome, …',
  define: command => {
    command.argument('<kind>', 'kind of client').argument('[name]', 'name that is served [the only one, or the newest]')
    addSettingFlags(command, [
      'home',
      'host',
      'port',
      'names',
      'advertise',
      'certMode',
      'keyType',
      'certFile',
      'keyFile',
      'keyPassphraseFile',
      'caFile'
    ])
    command.addHelpText('after', EXAMPLES)
  },
  run: async ({ args, options }, io) => {
    const [word = '', asked] = args
    const kind = readKind(word)
    const { settings } = settingsOf({ args: [], options }, io)
    const identitySettings = resolveIdentitySettings(settings, io.cwd)
    const { report } = await createLog({ format: 'pretty', level: 'warn', colour: false, destination: 2 })
    const anchor = await resolveAnchor(identitySettings, report)
    const host = advertisedHost(settings)
    const origin = `https://${host.includes(':') ? `[${host}]` : host}:${settings.port}`
    const name = asked ?? (await newestName(path.join(settings.home, 'state'), settings.keepReleases, io))
    io.stdout(
      snippetFor(kind, {
        url: `${origin}${pathOf(name)}`,
        origin,
        name,
        host,
        port: settings.port,
        caCertificate: anchor?.certificate,
        caFile: anchor === undefined ? undefined : shortPath(anchor.file, io.cwd)
      })
    )
    return 0
  }
}

function readKind(word: string): SnippetKind {
  const kind = SNIPPET_KINDS.find(known => known === word)
  if (kind !== undefined) return kind
  const nearest = nearestTo(word, SNIPPET_KINDS)
  throw new OperatorError(
    'OTAD_ERR_USAGE',
    `there is no snippet "${word}"`,
    nearest === undefined ? `there are ${SNIPPET_KINDS.join(', ')}` : `did you mean ${nearest}?`
  )
}

/** The name that was published last; said aloud where there was a choice, or nothing to choose from. */
async function newestName(stateFolder: string, keepReleases: number, io: Io): Promise<string> {
  const catalog = await readCatalog(stateFolder, keepReleases)
  const current = [...catalog.entries]
    .flatMap(entry => entry.current ?? [])
    .sort((a, b) => b.publishedAt - a.publishedAt)
  const [newest, ...others] = current
  if (newest === undefined) io.stderr(`nothing was served from this home yet: ${PLACEHOLDER} stands for the name\n`)
  else if (others.length > 0)
    io.stderr(`for ${newest.name}, the newest of ${current.length} names; otad snippet KIND NAME takes another\n`)
  return newest?.name ?? PLACEHOLDER
}
