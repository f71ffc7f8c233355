const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

const IMF_FIXDATE = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/
const RFC_850 = /^[A-Z][a-z]+day, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/

/** Milliseconds since 1970 of an HTTP date in any of its three forms (RFC 9110, 5.6.7), or undefined for anything else. */
export function readHttpDate(text: string): number | undefined {
  const modern = IMF_FIXDATE.exec(text)
  if (modern !== null) return utc(modern[3], modern[2], modern[1], modern.slice(4))
  const old = RFC_850.exec(text)
  if (old !== null) return utc(String(fullYear(Number(old[3]))), old[2], old[1], old.slice(4))
  const oldest = ASCTIME.exec(text)
  if (oldest !== null) return utc(oldest[6], oldest[1], oldest[2], oldest.slice(3, 6))
  return undefined
}

/** The preferred form, seconds exact. */
export function writeHttpDate(epochMs: number): string {
  return new Date(epochMs).toUTCString()
}

/** Two digits that would lie more than fifty years ahead mean the past century. */
function fullYear(twoDigits: number): number {
  const thisYear = new Date().getUTCFullYear()
  const year = Math.floor(thisYear / 100) * 100 + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}

function utc(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  time: readonly string[]
): number | undefined {
  const monthIndex = MONTHS.indexOf(month ?? '')
  const [hour, minute, second] = time.map(Number)
  if (monthIndex < 0 || hour === undefined || minute === undefined || second === undefined) return undefined
  if (hour > 23 || minute > 59 || second > 60) return undefined
  const at = Date.UTC(Number(year), monthIndex, Number(day), hour, minute, second)
  return new Date(at).getUTCMonth() === monthIndex ? at : undefined
}
