/** What begins so, where an app image (0xE9) was expected: clients.md 16, 18 and 19. */
const KINDS: Readonly<Record<number, string>> = {
  0: 'zeros',
  16: 'a patch of esp_delta_ota, which needs its own client',
  30: 'a Matter OTA file',
  31: 'a gzip file, which only an ESP8266 unpacks',
  39: "an apostrophe: openssl s_server -WWW reports an error so, with status 200 ('…' contains '..' or ':')",
  45: 'a hyphen: a PEM file, -----BEGIN',
  58: 'an Intel HEX file',
  60: 'the "<" of a web page, mostly an error',
  61: 'an image for MCUboot',
  69: 'the "E" of "Error opening": openssl s_server -WWW, which says so with status 200 when a file is missing',
  72: 'the "H" of "HTTP/1.": the head of an answer was taken for the body',
  78: 'the "N" of "Not Found": the text of an error',
  80: 'a ZIP archive',
  85: 'a UF2 file',
  120: 'a zlib file, which needs its own client',
  123: 'the "{" of JSON: a manifest in place of the firmware',
  127: 'an ELF file: the image is made from it',
  170: 'a partition table',
  207: 'an encrypted image, which needs a decrypting client (esp_encrypted_img)',
  234: 'an ESP8266 image for the non-OS SDK',
  253: 'an xz file',
  255: 'erased flash: a merged image for the factory, or one that was never written'
}

/** What a file is by its first byte, in words; undefined where that does not tell. */
export function kindByFirstByte(byte: number): string | undefined {
  const known = KINDS[byte]
  if (known !== undefined) return known
  return byte > 0x20 && byte < 0x7f
    ? `the letter "${String.fromCharCode(byte)}": some text, mostly an error`
    : undefined
}
