import type { ConnectionState } from './connection.js'
import type { Desk } from './desk.js'
import { Foreign } from './foreign.js'
import { momentOf } from './wording.js'

const STATES: Readonly<Record<ConnectionState, string>> = {
  connecting: 'Connecting…',
  live: 'Live',
  lost: 'otad does not answer. Trying again…',
  'not-allowed': 'otad wants credentials, and was given none that are good. Reload the page to be asked for them.'
}

interface HeaderProps {
  readonly general: Desk['general'] | undefined
  readonly connection: ConnectionState
}

export function Header({ general, connection }: HeaderProps) {
  return (
    <header>
      <h1>
        <img src="icon.svg" alt="" width={28} height={28} /> otad
      </h1>
      {general !== undefined && (
        <p class="quiet">
          <Foreign text={general.version} />, running since{' '}
          <time dateTime={general.since}>{momentOf(general.since)}</time>
          {general.status === 'serving' ? '' : `: ${general.status}`}
        </p>
      )}
      {general !== undefined && (
        <nav aria-label="On this page">
          <a href="#served">Served</a> <a href="#devices">Devices</a> <a href="#snippets">Lines to paste</a>
        </nav>
      )}
      <p class={`connection ${connection}`} role="status">
        {STATES[connection]}
      </p>
    </header>
  )
}
