import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { OPTION_KEYS } from '../../config/options.js'
import type { Report } from '../../events.js'
import { createLog } from '../../log.js'
import { writeBanner } from '../banner.js'
import type { CliCommand } from '../command.js'
import { addSettingFlags, settingsOf } from '../setting-flags.js'

/** The banner waits this long for the first images, so that it can name their URLs. */
const BANNER_WAIT_MS = 1_500

const EXAMPLES = `
Examples:
  otad serve build/                       the build folder of an ESP-IDF project
  otad serve ~/esp/hello_world            the project itself
  otad serve left=a/build right=b/build   two of them: /left/….bin, /right/….bin
  otad serve build/ --port 4443 --names ota.example.lan
`

/** `otad serve`: starts the daemon, and stops it on a signal. */
export const serve: CliCommand = {
  name: 'serve',
  summary: 'watch build folders and serve every valid image over HTTPS',
  define: command => {
    command.argument('[folders...]', 'build folders to watch, each as DIR or LABEL=DIR [firmware/ of the home]')
    addSettingFlags(command, OPTION_KEYS)
    command.addHelpText('after', EXAMPLES)
  },
  run: async (typed, io) => {
    const { settings } = settingsOf(typed, io)
    const isPretty = settings.logFormat === 'pretty' || (settings.logFormat === 'auto' && io.isTerminal)
    const log = await createLog({
      format: isPretty ? 'pretty' : 'json',
      level: settings.logLevel,
      colour: io.hasColour,
      destination: io.logDestination
    })
    // Loaded here, so that help, mistakes and the other commands do not wait for a server that they do not need.
    const { startDaemon } = await import('../../daemon.js')
    const held = isPretty ? holdBack(log.report) : { report: log.report, letGo: () => {} }
    try {
      const daemon = await startDaemon({ settings, cwd: io.cwd, version: io.version, report: held.report })
      await Promise.race([daemon.ready, sleep(BANNER_WAIT_MS, undefined, { ref: false })])
      if (isPretty) io.stdout(writeBanner(daemon, io.version, io.cwd))
      held.letGo()
      if (!io.signal.aborted) await once(io.signal, 'abort')
      await daemon.close()
      return 0
    } finally {
      held.letGo()
      log.flush()
    }
  }
}

/** Keeps what is reported until the banner stands above it; what the banner says itself is not said again. */
function holdBack(report: Report): { report: Report; letGo: () => void } {
  let held: (() => void)[] | undefined = []
  return {
    report: (event, fields) => {
      if (event === 'server.listening') return
      if (held === undefined) report(event, fields)
      else held.push(() => report(event, fields))
    },
    letGo: () => {
      for (const tell of held ?? []) tell()
      held = undefined
    }
  }
}
