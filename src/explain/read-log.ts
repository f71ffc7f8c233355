import { TextDecoder } from 'node:util'
import { type LogLine, readLine } from './log-line.js'

/** No line of a log that means anything is longer; a binary file is one endless line. */
const LONGEST_LINE = 2_000

/**
 * Reads the bytes of a serial log as they come and makes lines of them. It keeps no more than one line. A log is UTF-8, or UTF-16
 * where PowerShell wrote it; what is neither becomes U+FFFD.
 */
export class LogReader {
  #decoder: TextDecoder | undefined
  #head = new Uint8Array(0)
  #rest = ''
  #number = 0

  /** The lines that are complete with this piece. */
  push(piece: Uint8Array): readonly LogLine[] {
    return this.#split(this.#decode(piece))
  }

  /** The last line, where nothing ends it. */
  end(): readonly LogLine[] {
    const last = `${this.#decode(new Uint8Array(0), true)}\n`
    return this.#rest === '' && last === '\n' ? [] : this.#split(last)
  }

  #decode(piece: Uint8Array, isLast = false): string {
    if (this.#decoder !== undefined) return this.#decoder.decode(piece, { stream: !isLast })
    const head = Buffer.concat([this.#head, piece])
    if (head.length < 2 && !isLast) {
      this.#head = head
      return ''
    }
    this.#decoder = new TextDecoder(encodingOf(head))
    return this.#decoder.decode(head, { stream: !isLast })
  }

  #split(text: string): readonly LogLine[] {
    const pieces = text.split('\n')
    const lines: LogLine[] = []
    for (const [index, piece] of pieces.entries()) {
      const room = LONGEST_LINE - this.#rest.length
      if (room > 0) this.#rest += piece.slice(0, room)
      if (index === pieces.length - 1) break
      this.#number++
      // A progress display returns to the start of its line, and what it wrote there are lines of one number.
      for (const part of this.#rest.split('\r')) {
        const line = readLine(this.#number, part)
        if (line.text !== '') lines.push(line)
      }
      this.#rest = ''
    }
    return lines
  }

  /** How many lines have been read. */
  get count(): number {
    return this.#number
  }
}

function encodingOf(head: Uint8Array): string {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le'
  return head[0] === 0xfe && head[1] === 0xff ? 'utf-16be' : 'utf-8'
}
