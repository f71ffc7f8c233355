import { printable } from '../words.js'

/**
 * A URL that is safe between quotes of every language here. encodeURIComponent leaves `'`, `(`, `)`, `*` and `!` alone; as
 * percent codes they name the same thing to the server, which decodes once.
 */
export function quotableUrl(url: string): string {
  return url.replace(/[^A-Za-z0-9\-._~:/%[\]@]/gu, character =>
    bytesOf(character)
      .map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join('')
  )
}

/** A string literal of C and C++. Octal codes end after three digits, hex ones do not; `?` could begin a trigraph. */
export function cString(text: string): string {
  const inside = text
    .replace(/["\\?]/g, character => `\\${character}`)
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, character =>
      bytesOf(character)
        .map(byte => `\\${byte.toString(8).padStart(3, '0')}`)
        .join('')
    )
  return `"${inside}"`
}

/** One word of a POSIX shell, in quotes only where it needs them. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** Text that stays inside a comment of any language here; never the end of a line, where a backslash would continue it. */
export function commentText(text: string): string {
  return printable(text).replaceAll('*/', '* /')
}

/** The certificates of a PEM file and nothing else: whatever stands around them could end a literal. With final newline. */
export function certificatesIn(pem: string): string {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map(block => `${block.replaceAll('\r', '')}\n`).join('')
}

/** A raw string literal of C++: `R"PEM(…)PEM"`. */
export function rawPem(pem: string): string {
  return `R"PEM(${certificatesIn(pem)})PEM"`
}

/** UTF-8, without Node: snippets are written in browsers too. */
function bytesOf(text: string): readonly number[] {
  return [...new TextEncoder().encode(text)]
}
