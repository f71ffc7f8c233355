import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { anImage } from '../support/image-builder.js'

export const MIB = 1024 * 1024
export const KIB = 1024

/** An image in the served folder, and the bytes that every answer is compared with. */
export interface BenchImage {
  readonly name: string
  readonly file: string
  readonly bytes: Buffer
}

/** Builds an image of about `length` bytes and writes it in one go; another seed gives other bytes throughout. */
export function writeImage(
  folder: string,
  name: string,
  { length, seed }: { length: number; seed: number }
): BenchImage {
  const bytes = anImage({ length, seed })
  const file = join(folder, name)
  writeFileSync(file, bytes)
  return { name, file, bytes }
}
