/** Draws a page again and again on the screen of a terminal, in one write each, so that nothing flickers. */
export interface Redrawing {
  /** Shows this page; one that is as long as the screen is cut. The same page again is not drawn. */
  show(page: string): void
  /** Leaves the terminal as it was. */
  end(): void
}

const CSI = '\u001b['
/** The screen beside the one with the shell on it; no cursor; long lines are cut and not wrapped (xterm, ctlseqs, DECSET). */
const BEGIN = `${CSI}?1049h${CSI}?25l${CSI}?7l`
const END = `${CSI}?7h${CSI}?25h${CSI}?1049l`
const TO_THE_TOP = `${CSI}H`
const CLEAR_LINE = `${CSI}K`
const CLEAR_BELOW = `${CSI}J`

/** Takes the screen over, until it is ended. */
export function beginRedrawing(write: (text: string) => void, rows: () => number): Redrawing {
  let shown: string | undefined
  write(BEGIN)
  return {
    show: page => {
      const frame = `${TO_THE_TOP}${fitInto(page, rows())
        .map(line => `${line}${CLEAR_LINE}`)
        .join('\n')}${CLEAR_BELOW}`
      if (frame === shown) return
      shown = frame
      write(frame)
    },
    end: () => write(END)
  }
}

/** The lines of a page that a screen with so many rows can show; the last one says what it cannot. */
export function fitInto(page: string, rows: number): readonly string[] {
  const lines = page.trimEnd().split('\n')
  if (lines.length <= rows) return lines
  const fitting = lines.slice(0, Math.max(0, rows - 1))
  return [...fitting, `… ${lines.length - fitting.length} lines more`]
}
