/**
 * What the demo calls its version: `firmwareVersion` of device_info.json, which is embedded as the text that it is (EMBED_FILES in
 * main/CMakeLists.txt). It is a constant of its own beside PROJECT_VER.
 */

const FIELD = Buffer.from('"firmwareVersion"')
/** As much text behind the name of the field as is looked at. */
const LONGEST_VALUE = 512
const VALUE = /^\s*:\s*("(?:[^"\\\u0000-\u001f]|\\.)*")/

/** The version in the device_info.json of an image; undefined where there is none, or several that differ. */
export function findFirmwareVersion(image: Buffer): string | undefined {
  let found: string | undefined
  for (let at = image.indexOf(FIELD); at >= 0; at = image.indexOf(FIELD, at + FIELD.length)) {
    const start = at + FIELD.length
    const version = readValue(image.toString('utf8', start, start + LONGEST_VALUE))
    if (version === undefined || version === found) continue
    if (found !== undefined) return undefined
    found = version
  }
  return found
}

function readValue(text: string): string | undefined {
  const [, literal] = VALUE.exec(text) ?? []
  if (literal === undefined) return undefined
  try {
    return String(JSON.parse(literal))
  } catch {
    // An escape that JSON does not know: the demo cannot read it either.
    return undefined
  }
}
