import { useMemo } from 'preact/hooks'
import type { DeviceEvent, DeviceFacts, LiveDownload } from '../devices/device-facts.js'
import { calledOf } from '../devices/device-order.js'
import { Age } from './age.js'
import { DeviceDetails } from './device-details.js'
import { Foreign } from './foreign.js'
import { foreign, progressOf, RUNNING_SOURCES, sentenceOf, TONES, type Tone } from './wording.js'

interface DeviceRowProps {
  readonly device: DeviceFacts
  readonly live: readonly LiveDownload[] | undefined
}

/** A device. Drawn again only when something about it has changed: with two hundred downloads every row would be, twice a second. */
export function DeviceRow({ device, live }: DeviceRowProps) {
  return useMemo(() => <Row device={device} live={live} />, [device, live])
}

function Row({ device, live = [] }: DeviceRowProps) {
  const { verdict, running, lastSeen } = device
  return (
    <li class={`device ${toneOf(live, verdict)}`}>
      <div class="who">
        <h3 title={tooltipOf(device)}>
          <Foreign text={calledOf(device)} />
        </h3>
        <span class="quiet">
          <Age at={lastSeen} />
        </span>
        <Traits device={device} />
      </div>
      {live.map(download => (
        <Progress key={download.id} download={download} of={calledOf(device)} />
      ))}
      {live.length === 0 && verdict !== null && <Verdict verdict={verdict} />}
      {running !== null && (
        <p class="quiet">
          Runs <Foreign text={running.name} /> <Foreign text={running.version} /> ({RUNNING_SOURCES[running.source]})
        </p>
      )}
      <DeviceDetails device={device} />
    </li>
  )
}

function toneOf(live: readonly LiveDownload[], verdict: DeviceEvent | null): Tone {
  if (live.length > 0) return live.every(({ isStalled }) => isStalled) ? 'odd' : 'going'
  return verdict === null ? 'plain' : TONES[verdict.is]
}

/** Also in the details, for those who have no pointer. */
function tooltipOf({ id, mac, vendor }: DeviceFacts): string {
  return foreign([mac ?? id, vendor].filter(Boolean).join(', '))
}

function Traits({ device: { id, label, address, client, sdk, chip } }: { readonly device: DeviceFacts }) {
  const kind = client === 'unknown' ? null : client
  const traits = [label === null ? null : id, address === id ? null : address, kind, sdk, chip]
  return (
    <p class="quiet traits">
      {[...new Set(traits.filter(trait => trait !== null))].map(trait => (
        <span key={trait}>
          <Foreign text={trait} />
        </span>
      ))}
    </p>
  )
}

function Verdict({ verdict }: { readonly verdict: DeviceEvent }) {
  const { fix, count } = verdict
  return (
    <>
      <p class="verdict">
        <Foreign text={sentenceOf(verdict)} />
        {count > 1 && <span class="quiet"> {count} times</span>}
      </p>
      {fix !== null && (
        <p class="fix">
          <Foreign text={fix} />
        </p>
      )}
    </>
  )
}

function Progress({ download, of }: { readonly download: LiveDownload; readonly of: string }) {
  const { name, version, reached, size, isStalled } = download
  const text = progressOf(download)
  return (
    <div class={isStalled ? 'progress stalled' : 'progress'}>
      <p>
        <Foreign text={name} /> <Foreign text={version} />
      </p>
      <progress
        max={size}
        value={reached}
        aria-label={`${foreign(of)} downloads ${foreign(name)}`}
        aria-valuetext={text}
      />
      <p class="quiet">{text}</p>
    </div>
  )
}
