/** One line of a serial log, without what terminals and monitors put around it. */
export interface LogLine {
  /** Counted from 1, as an editor counts. */
  readonly number: number
  readonly level: Level | null
  /** `esp-tls`, `HTTPUpdate.cpp`, `http_request.ota`; null for a line that was printed bare. */
  readonly tag: string | null
  /** Time on the device as it stands there: milliseconds since its start, or a time of day. */
  readonly time: string | null
  /** Time of day that a monitor wrote in front: `12:01:31`. */
  readonly clock: string | null
  /** The whole line, its head included. */
  readonly text: string
}

export type Level = 'E' | 'W' | 'I' | 'D' | 'V'

/**
 * Colours and cursor movements, also where the escape character was lost or made visible on the way into a forum: `[0;31m`,
 * `␛[0;32m`, `[1B][0;36m`.
 */
const COLOURS =
  /(?:\u001b|\u241b|\ufffd|\[1B\]|\\x1b|\\033|\^\[)\[[0-9;?]{0,16}[A-Za-z]|\[(?:0|[01];[0-9;]{1,8}|39;49|)m/g
const TITLES = /\u001b\][^\u0007\u001b]{0,200}(?:\u0007|\u001b\\)?/g
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufeff\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** What quotes a line in a mail or an issue. */
const QUOTE = /^(?:[>|*`] ?){1,4}(?=[^\s>|*`])/
/** Arduino IDE `16:48:15.042 -> `, PlatformIO `12:01:31.042 > `, ESPHome `[12:01:31.042]`, `ts`, Tasmota, date and time in any of these. */
const CLOCK =
  /^\[?(?:\d{4}[-/]\d\d[-/]\d\d[T ]|[A-Z][a-z]{2} [ \d]\d )?(\d\d:\d\d:\d\d)(?:[.,:]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?\]?(?: ?(?:->|>|\||:)(?= ))? ?/

/** ESP-IDF: `E (1234) tag: `, with a time of day or a date and time in the brackets by setting, or without them. */
const IDF_HEAD = /(?:^|[^A-Za-z])([EWIDV]) \((\d[\d:. /-]{0,30})\) ([^\s:][^:]{0,60}):/
const IDF_HEAD_WITHOUT_TIME = /^([EWIDV]) ([A-Za-z][\w.-]{1,40}): /
/** Arduino: `[  1234][E][HTTPUpdate.cpp:229] handleUpdate(): `; ESPHome: `[E][http_request.ota:174]: `. */
const BRACKET_HEAD = /(?:\[ {0,12}(\d{1,12})\])?\[([EWIDV])\]\[([\w./ -]{1,60}):\d{1,5}\]/

/** Takes the noise off a line of text, and its head apart. Never throws, and takes time in proportion to the length. */
export function readLine(number: number, raw: string): LogLine {
  const plain = raw.replace(COLOURS, '').replace(TITLES, '').replace(CONTROLS, '').replaceAll('\t', ' ').trim()
  const unquoted = plain.replace(QUOTE, '')
  const clock = CLOCK.exec(unquoted)
  const text = clock === null ? unquoted : unquoted.slice(clock[0].length)
  return { number, clock: clock?.[1] ?? null, text, ...readHead(text) }
}

function readHead(text: string): Pick<LogLine, 'level' | 'tag' | 'time'> {
  const idf = IDF_HEAD.exec(text)
  if (idf !== null) return { level: idf[1] as Level, time: idf[2] ?? null, tag: idf[3] ?? null }
  const bracket = BRACKET_HEAD.exec(text)
  if (bracket !== null) return { level: bracket[2] as Level, time: bracket[1] ?? null, tag: bracket[3] ?? null }
  const bare = IDF_HEAD_WITHOUT_TIME.exec(text)
  if (bare !== null) return { level: bare[1] as Level, time: null, tag: bare[2] ?? null }
  return { level: null, time: null, tag: null }
}

/** User name and password of a URL, which nobody wants to paste into a forum with the explanation. */
const CREDENTIALS = /(https?:\/\/)[^\s/@]{1,200}@/gi

export function withoutCredentials(text: string): string {
  return text.replace(CREDENTIALS, '$1')
}

/** The time in the head of a line. */
const TIME = /\(\d{1,12}\)|^\[ *\d{1,12}\]/

/** A text without the time in its head, so that the same said again is the same. */
export function withoutTime(text: string): string {
  return text.replace(TIME, '')
}
