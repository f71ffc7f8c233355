import { useMemo } from 'preact/hooks'
import { inOrder } from '../devices/device-order.js'
import { counted } from '../words.js'
import type { Desk } from './desk.js'
import { matching, whoDownloads } from './device-list.js'
import { DeviceRow } from './device-row.js'
import { useFirst } from './show-more.js'

interface DevicesProps extends Pick<Desk, 'devices' | 'live'> {
  /** How many there are that the page was not told of. */
  readonly others: number
  readonly filter: string
  readonly onFilter: (typed: string) => void
}

/** Everything that ever connected, what is going on first. */
export function Devices({ devices, live, others, filter, onFilter }: DevicesProps) {
  const downloading = whoDownloads({ live })
  const all = useMemo(() => inOrder(devices.values(), ({ id }) => live.has(id)), [devices, downloading])
  const found = useMemo(() => matching(all, filter), [all, filter])
  const [shown, more] = useFirst(found)
  return (
    <section aria-labelledby="devices">
      <div class="heading">
        <h2 id="devices">Devices</h2>
        {devices.size > 0 && (
          <span class="quiet">
            {filter.trim() === '' ? counted(devices.size, 'device') : `${found.length} of ${devices.size}`}
            {live.size > 0 && `, ${live.size} downloading`}
            {others > 0 && `; ${others} more came longer ago (otad devices)`}
          </span>
        )}
      </div>
      {devices.size > 0 && (
        <input
          id="filter"
          type="search"
          aria-label="Find a device by name, address, MAC, version, or what happened"
          placeholder="Find a device"
          value={filter}
          onInput={event => onFilter(event.currentTarget.value)}
        />
      )}
      {devices.size === 0 && (
        <p class="empty">
          No device has come yet. Each one appears here as soon as it connects, even when it gets no further than that.
        </p>
      )}
      {devices.size > 0 && found.length === 0 && <p class="empty">No device fits.</p>}
      <ul class="devices">
        {shown.map(device => (
          <DeviceRow key={device.id} device={device} live={live.get(device.id)} />
        ))}
      </ul>
      {more}
    </section>
  )
}
