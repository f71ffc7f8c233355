import { useEffect, useState } from 'preact/hooks'
import type { DeviceEvent, DeviceFacts, DeviceHistory } from '../devices/device-facts.js'
import { calledOf } from '../devices/device-order.js'
import { shortDigest } from '../words.js'
import { Age } from './age.js'
import { Foreign } from './foreign.js'
import { useFirst } from './show-more.js'
import { foreign, sentenceOf, TONES } from './wording.js'

/** Events of a device that are shown at first. */
const STEP = 10

/** All that is known of a device, for who asks for it; its history is fetched then. */
export function DeviceDetails({ device }: { readonly device: DeviceFacts }) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>
        Details and history <span class="unseen">of {foreign(calledOf(device))}</span>
      </summary>
      {isOpen && <Details device={device} />}
    </details>
  )
}

function Details({ device }: { readonly device: DeviceFacts }) {
  const { id, identity, address, mac, vendor, userAgent, firstSeen, lastSeen, asked } = device
  const facts: readonly (readonly [string, string | null])[] = [
    [IDENTITIES[identity], id],
    ['Address', address],
    ['MAC', mac],
    ['Made by', vendor],
    ['User-Agent', userAgent === '' ? null : userAgent],
    [
      'Was given',
      asked === null
        ? null
        : `${asked.name} ${asked.version}${asked.digest === null ? '' : ` (${shortDigest(asked.digest)})`}`
    ]
  ]
  return (
    <>
      <dl class="facts">
        {facts.map(([term, text]) =>
          text === null ? null : (
            <div key={term}>
              <dt>{term}</dt>
              <dd>
                <Foreign text={text} />
              </dd>
            </div>
          )
        )}
        <div>
          <dt>First seen</dt>
          <dd>
            <Age at={firstSeen} />
          </dd>
        </div>
        <div>
          <dt>Last seen</dt>
          <dd>
            <Age at={lastSeen} />
          </dd>
        </div>
      </dl>
      <History id={id} verdict={device.verdict} />
    </>
  )
}

const IDENTITIES: Readonly<Record<DeviceFacts['identity'], string>> = {
  certificate: 'Certificate',
  mac: 'Known by MAC',
  address: 'Known by address'
}

/** Read again when something else happens to the device. */
function History({ id, verdict }: Pick<DeviceFacts, 'id' | 'verdict'>) {
  const [history, setHistory] = useState<readonly DeviceEvent[] | 'unread' | 'failed'>('unread')
  useEffect(() => {
    const gone = new AbortController()
    readHistory(id, gone.signal).then(setHistory, () => {
      if (!gone.signal.aborted) setHistory('failed')
    })
    return () => gone.abort()
  }, [id, verdict?.at, verdict?.count])
  const [shown, more] = useFirst(typeof history === 'string' ? [] : history, STEP)
  if (history === 'unread') return <p class="quiet">Reading its history…</p>
  if (history === 'failed') return <p class="quiet">Its history could not be read.</p>
  if (history.length === 0) return <p class="quiet">Nothing has happened to it yet.</p>
  return (
    <>
      <ol class="history">
        {shown.map((event, index) => (
          <li key={`${event.at} ${event.is} ${index}`} class={TONES[event.is]}>
            <Age at={event.at} /> {event.name !== null && <Foreign text={event.name} />}{' '}
            <Foreign text={sentenceOf(event)} />
            {event.count > 1 && <span class="quiet"> {event.count} times</span>}
          </li>
        ))}
      </ol>
      {more}
    </>
  )
}

async function readHistory(id: string, signal: AbortSignal): Promise<readonly DeviceEvent[]> {
  const answer = await fetch(`devices/${encodeURIComponent(id)}.json`, { cache: 'no-store', signal })
  if (!answer.ok) throw new Error(`${answer.status}`)
  const { history } = (await answer.json()) as DeviceHistory
  return history
}
