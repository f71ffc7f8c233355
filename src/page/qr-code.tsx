import { useMemo } from 'preact/hooks'
import { encode } from 'uqr'

/** The light border that readers need, in modules (ISO/IEC 18004, 6.3.8). */
const QUIET_ZONE = 4
/** Bytes in the largest code at this level of correction (ISO/IEC 18004, table 7). */
const LONGEST_TEXT = 2331

/** A text as a QR code; nothing where it is too long for one. */
export function QrCode({ text }: { readonly text: string }) {
  const code = useMemo(() => (new TextEncoder().encode(text).length > LONGEST_TEXT ? undefined : draw(text)), [text])
  if (code === undefined) return null
  return (
    <svg class="qr" role="img" aria-label={`QR code of ${text}`} viewBox={`0 0 ${code.size} ${code.size}`}>
      <rect class="qr-paper" width={code.size} height={code.size} />
      <path class="qr-ink" d={code.path} />
    </svg>
  )
}

/** Dark modules as one path, a bar for each run of them in a row. */
function draw(text: string): { readonly size: number; readonly path: string } {
  const { size, data } = encode(text, { ecc: 'M', border: QUIET_ZONE })
  const bars = data.flatMap((row, y) =>
    row.flatMap((isDark, x) => {
      if (!isDark || row[x - 1]) return []
      const end = row.indexOf(false, x)
      const length = (end === -1 ? row.length : end) - x
      return [`M${x} ${y}h${length}v1h-${length}z`]
    })
  )
  return { size, path: bars.join('') }
}
