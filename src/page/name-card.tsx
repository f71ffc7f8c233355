import { useMemo } from 'preact/hooks'
import type { RefusalFacts, ReleaseFacts } from '../answers.js'
import type { DeskName } from '../desk/desk-facts.js'
import { fileSize, percentOf, shortDigest } from '../words.js'
import { Age } from './age.js'
import { CopyButton } from './copy-button.js'
import { Foreign } from './foreign.js'
import { hrefOf } from './name-list.js'
import { describeRollback, foreign } from './wording.js'

interface NameCardProps {
  readonly name: DeskName
  /** Has its URL shown large; left out where there is nothing to choose. */
  readonly onTake: ((name: string) => void) | undefined
}

/** A name: what is served under it, and what is not. Drawn again only when something about it has changed. */
export function NameCard({ name, onTake }: NameCardProps) {
  return useMemo(() => <Card name={name} onTake={onTake} />, [name, onTake === undefined])
}

function Card({ name: { name, url, current, refusal, rollback }, onTake }: NameCardProps) {
  return (
    <li class={`card ${refusal === null ? 'good' : 'bad'}`}>
      <div class="heading">
        <h3>
          {current === null ? (
            <Foreign text={name} />
          ) : (
            <a href={hrefOf(name)} download="">
              <Foreign text={name} />
            </a>
          )}
        </h3>
        {current !== null && (
          <span class="quiet">
            published <Age at={current.publishedAt} />
          </span>
        )}
      </div>
      {current !== null && <Release release={current} />}
      {current === null && refusal === null && <p>Not served: its file is gone.</p>}
      {rollback !== null && <p class="odd">{describeRollback(rollback, name)}</p>}
      {refusal !== null && <Refusal refusal={refusal} current={current} />}
      {current !== null && (
        <p class="buttons">
          <CopyButton text={url} what={`of ${foreign(name)}`} label="Copy URL" />
          {onTake !== undefined && (
            <button type="button" onClick={() => onTake(name)}>
              QR code and lines to paste <span class="unseen">for {foreign(name)}</span>
            </button>
          )}
        </p>
      )}
    </li>
  )
}

function Release({ release }: { readonly release: ReleaseFacts }) {
  const { version, chip, size, slotSize, digest, number, warnings } = release
  return (
    <>
      <p class="release">
        <strong>
          <Foreign text={version} />
        </strong>
        {chip !== null && <span class="chip">{chip}</span>}
        <span>{fileSize(size)}</span>
        <span class="quiet" title={`SHA-256 ${digest}`}>
          <span class="unseen">SHA-256 begins with </span>
          <code>{shortDigest(digest)}</code>
        </span>
        <span class="quiet">build #{number}</span>
      </p>
      {slotSize !== null && <Slot size={size} slotSize={slotSize} />}
      {warnings.map(warning => (
        <p key={warning} class="odd">
          <Foreign text={warning} />
        </p>
      ))}
    </>
  )
}

/** How much of its OTA slot it fills. */
function Slot({ size, slotSize }: { readonly size: number; readonly slotSize: number }) {
  const text = `${percentOf(size, slotSize)} of its ${fileSize(slotSize)} slot, ${fileSize(Math.max(0, slotSize - size))} left`
  return (
    <p class="slot">
      <meter
        min={0}
        max={slotSize}
        high={0.9 * slotSize}
        optimum={0}
        value={size}
        aria-label="Slot"
        aria-valuetext={text}
      />
      <span class="quiet">{text}</span>
    </p>
  )
}

function Refusal({ refusal, current }: { readonly refusal: RefusalFacts; readonly current: ReleaseFacts | null }) {
  return (
    <div class="refusal">
      <p>
        <strong>Refused</strong> <Age at={refusal.at} />: <Foreign text={refusal.sentence} />
      </p>
      {refusal.device !== null && (
        <p>
          A device would say:{' '}
          <code>
            <Foreign text={refusal.device} />
          </code>
        </p>
      )}
      <p>
        {current === null ? (
          'Nothing is served under this name.'
        ) : (
          <>
            Still serving <Foreign text={current.version} /> ({shortDigest(current.digest)}).
          </>
        )}
      </p>
    </div>
  )
}
