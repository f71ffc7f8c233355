import { useEffect, useState } from 'preact/hooks'
import { useAnnounce } from './announcer.js'

interface CopyButtonProps {
  readonly text: string
  /** What is copied, as it follows "Copy": "the firmware URL". */
  readonly what: string
  /** What stands on the button; "Copy" when left out. */
  readonly label?: string
}

const SAID_MS = 2000

/** Puts a text on the clipboard, and says so. */
export function CopyButton({ text, what, label = 'Copy' }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<'Copied' | 'Not copied'>()
  const announce = useAnnounce()
  useEffect(() => {
    if (outcome === undefined) return
    const timer = setTimeout(() => setOutcome(undefined), SAID_MS)
    return () => clearTimeout(timer)
  }, [outcome])
  const onClick = async (): Promise<void> => {
    const said = (await copy(text)) ? 'Copied' : 'Not copied'
    setOutcome(said)
    announce(`${said} ${what}.`)
  }
  return (
    <button type="button" class="copy" onClick={onClick}>
      {outcome ?? label} <span class="unseen">{what}</span>
    </button>
  )
}

/** Over plain HTTP a browser has no clipboard for pages; what is marked can be copied there too. */
async function copy(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    const done = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false
    )
    if (done) return true
  }
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.className = 'unseen'
  field.value = text
  document.body.append(field)
  field.select()
  const done = document.execCommand('copy')
  field.remove()
  if (focused instanceof HTMLElement) focused.focus()
  return done
}
