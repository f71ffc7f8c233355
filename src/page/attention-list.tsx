import type { DeviceFacts } from '../devices/device-facts.js'
import { calledOf } from '../devices/device-order.js'
import { counted } from '../words.js'
import { Age } from './age.js'
import type { Matter } from './attention.js'
import { Foreign } from './foreign.js'
import { useFirst } from './show-more.js'
import { dayOf, sentenceOf } from './wording.js'

interface AttentionListProps {
  readonly matters: readonly Matter[]
  /** Shows a device in the list of all. */
  readonly onDevice: (id: string) => void
}

/** So many matters are read; the first ones are dealt with first. */
const STEP = 6

/** What needs attention; nothing where nothing does. */
export function AttentionList({ matters, onDevice }: AttentionListProps) {
  const [shown, more] = useFirst(matters, STEP)
  if (matters.length === 0) return null
  return (
    <section class="card attention" aria-labelledby="attention">
      <h2 id="attention">What needs attention</h2>
      <ul>
        {shown.map(matter => (
          <li key={keyOf(matter)}>
            <MatterText matter={matter} onDevice={onDevice} />
          </li>
        ))}
      </ul>
      {more}
    </section>
  )
}

function keyOf(matter: Matter): string {
  switch (matter.is) {
    case 'loopback':
    case 'certificate-ends':
      return matter.is
    case 'refusal':
      return `refusal ${matter.name.name}`
    case 'devices':
      return `devices ${matter.verdict.is} ${matter.verdict.sentence} ${matter.verdict.fix}`
  }
}

function MatterText({ matter, onDevice }: { readonly matter: Matter; readonly onDevice: (id: string) => void }) {
  switch (matter.is) {
    case 'loopback':
      return (
        <>
          <p>
            <strong>No device can reach this address.</strong> This machine has no LAN address, or --host keeps to
            itself.
          </p>
          <p class="fix">
            Connect it to a network, or start otad without --host, or name its address with --advertise.
          </p>
        </>
      )
    case 'certificate-ends':
      return (
        <>
          <p>
            <strong>The certificate in the devices ends on {dayOf(matter.validUntil)}.</strong> They do not update after
            that.
          </p>
          <p class="fix">Bring out firmware with a new one while they still do.</p>
        </>
      )
    case 'refusal':
      return <RefusalText name={matter.name} />
    case 'devices':
      return <DevicesText matter={matter} onDevice={onDevice} />
  }
}

function RefusalText({ name: { name, refusal, current } }: Pick<Extract<Matter, { is: 'refusal' }>, 'name'>) {
  if (refusal === null) return null
  return (
    <>
      <p>
        <strong>
          <Foreign text={name} /> was refused
        </strong>{' '}
        <Age at={refusal.at} />: <Foreign text={refusal.sentence} />
      </p>
      <p class="fix">
        {current === null
          ? 'Devices get nothing under this name until there is a good build.'
          : 'Devices still get the last good build. Build again.'}
      </p>
    </>
  )
}

/** Devices that are named; the list of all has the rest. */
const MOST_DEVICES = 5

function DevicesText({
  matter: { verdict, devices },
  onDevice
}: {
  readonly matter: Extract<Matter, { is: 'devices' }>
  readonly onDevice: (id: string) => void
}) {
  return (
    <>
      <p class="verdict">
        <strong>
          {devices.length > 1 && `${counted(devices.length, 'device')}: `}
          <Foreign text={sentenceOf(verdict)} />
        </strong>{' '}
        <Age at={verdict.at} />
      </p>
      {verdict.fix !== null && (
        <p class="fix">
          <Foreign text={verdict.fix} />
        </p>
      )}
      <p class="buttons">
        {devices.slice(0, MOST_DEVICES).map(device => (
          <DeviceButton key={device.id} device={device} onDevice={onDevice} />
        ))}
        {devices.length > MOST_DEVICES && <span class="quiet">and {devices.length - MOST_DEVICES} more</span>}
      </p>
    </>
  )
}

function DeviceButton({ device, onDevice }: { readonly device: DeviceFacts; readonly onDevice: (id: string) => void }) {
  return (
    <button type="button" onClick={() => onDevice(device.id)}>
      <span class="unseen">Show </span>
      <Foreign text={calledOf(device)} />
    </button>
  )
}
