import { useEffect, useMemo, useState } from 'preact/hooks'
import { Address } from './address.js'
import { AnnounceWith, useAnnouncements } from './announcer.js'
import { mattersOf } from './attention.js'
import { AttentionList } from './attention-list.js'
import { Certificate, usePem } from './certificate.js'
import { Devices } from './devices.js'
import { Header } from './header.js'
import { chosenOf, inAlphabet } from './name-list.js'
import { Served } from './served.js'
import { Snippets } from './snippets.js'
import { useDesk } from './use-desk.js'

const NOTHING: readonly never[] = []

/** The page: what is served, to whom, and what to do about it. */
export function App() {
  const [said, announce] = useAnnouncements()
  const { desk, connection } = useDesk(announce)
  const [chosen, setChosen] = useState<string>()
  const [filter, setFilter] = useState('')
  const matters = useMemo(
    () => (desk === undefined ? NOTHING : mattersOf(desk, Date.now())),
    [desk?.general, desk?.names, desk?.devices]
  )
  const pem = usePem(desk?.general.certificate ?? null)
  const names = useMemo(() => inAlphabet(desk?.names), [desk?.names])
  const name = useMemo(() => chosenOf(names, chosen), [names, chosen])
  useEffect(() => {
    document.title = matters.length === 0 ? 'otad' : `(${matters.length}) otad`
  }, [matters.length])

  const findDevice = (id: string): void => {
    setFilter(id)
    document.getElementById('filter')?.focus()
  }
  const takeName = (name: string): void => {
    setChosen(name)
    document.getElementById('use')?.focus()
  }
  return (
    <AnnounceWith value={announce}>
      <a class="skip" href="#main">
        Skip to what is served
      </a>
      <Header general={desk?.general} connection={connection} />
      <main id="main" tabIndex={-1} class={connection === 'lost' ? 'stale' : ''}>
        {desk !== undefined && (
          <>
            <AttentionList matters={matters} onDevice={findDevice} />
            <div class="use">
              <Address names={names} chosen={name} origin={desk.general.origin} onChoose={setChosen} />
              <Certificate certificate={desk.general.certificate} pem={pem} />
            </div>
            <div class="watch">
              <Served names={names} onTake={takeName} />
              <Devices
                devices={desk.devices}
                live={desk.live}
                others={desk.general.otherDevices}
                filter={filter}
                onFilter={setFilter}
              />
            </div>
            <Snippets name={name} general={desk.general} pem={pem} />
          </>
        )}
      </main>
      <footer>
        For programs: <a href="manifest.json">manifest.json</a>, <a href="devices.json">devices.json</a>,{' '}
        <a href="health">health</a>, <a href="metrics">metrics</a>
      </footer>
      <p class="unseen" role="status">
        {said}
      </p>
    </AnnounceWith>
  )
}
