import type { DeskName } from '../desk/desk-facts.js'
import { CopyButton } from './copy-button.js'
import { Foreign } from './foreign.js'
import { newest } from './name-list.js'
import { QrCode } from './qr-code.js'
import { foreign } from './wording.js'

/** Names to choose from here; each of the others can be taken where it is listed. */
const MOST_CHOICES = 40

interface AddressProps {
  readonly names: readonly DeskName[]
  readonly chosen: DeskName | undefined
  readonly origin: string
  readonly onChoose: (name: string) => void
}

/** The URL that goes into the device. */
export function Address({ names, chosen, origin, onChoose }: AddressProps) {
  return (
    <section class="card address" aria-labelledby="use">
      <div>
        <h2 id="use" tabIndex={-1}>
          Firmware URL
        </h2>
        {chosen === undefined ? (
          <>
            <p>
              <strong>Nothing to serve yet.</strong> Build your project, or drop an ESP32 image (.bin) into the watched
              folder: its URL appears here at once.
            </p>
            <p class="quiet">
              otad answers at <Foreign text={origin} />
            </p>
          </>
        ) : (
          <>
            <Choice names={names} chosen={chosen} onChoose={onChoose} />
            <p class="url">
              <code>
                <Foreign text={chosen.url} />
              </code>
              <CopyButton text={chosen.url} what="the firmware URL" />
            </p>
            <p class="quiet">
              {chosen.current === null
                ? 'There is no good build of it yet: a device that asks gets 404 with the reason.'
                : 'Paste it into menuconfig, Example Configuration, Firmware upgrade URL. For other clients see the lines to paste.'}
            </p>
          </>
        )}
      </div>
      {chosen !== undefined && <QrCode text={chosen.url} />}
    </section>
  )
}

function Choice({ names, chosen, onChoose }: Omit<AddressProps, 'origin' | 'chosen'> & { readonly chosen: DeskName }) {
  if (names.length < 2) return null
  const choices = newest(names, MOST_CHOICES)
  const all = choices.includes(chosen) ? choices : [chosen, ...choices]
  return (
    <p>
      <label class="choice">
        Name
        <select value={chosen.name} onChange={event => onChoose(event.currentTarget.value)}>
          {all.map(({ name }) => (
            <option key={name} value={name}>
              {foreign(name)}
            </option>
          ))}
        </select>
      </label>
    </p>
  )
}
