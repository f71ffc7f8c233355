const POLYNOMIAL = 0xedb88320

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1
  return value
})

/** CRC-32 as zlib and Ethernet have it, unsigned. ESP-IDF's NVS and OTA data start it from 0xFFFFFFFF: `esp_rom_crc32_le(UINT32_MAX, …)`. */
export function crc32(bytes: Uint8Array, initial = 0): number {
  let crc = ~initial
  for (let offset = 0; offset < bytes.length; offset++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[offset] ?? 0)) & 0xff] ?? 0)
  }
  return ~crc >>> 0
}
