/** Flash modes as the image header counts them (esp_image_spi_mode_t of esp_app_format.h). */
const HEADER_MODES = ['qio', 'qout', 'dio', 'dout', 'fast_read', 'slow_read'] as const

/** Flash modes as the app descriptor counts them, one more than the header; 0 says nothing (esp_app_desc.h). */
const DESCRIPTOR_MODES = [undefined, 'qio', 'qout', 'dio', 'dout', 'opi'] as const

/**
 * The flash mode that an app was built for, or null for a number without a name. The descriptor is asked first: projects for
 * QIO and QOUT write dio into the header all the same.
 */
export function flashModeName(headerMode: number, descriptorMode: number | undefined): string | null {
  return DESCRIPTOR_MODES[descriptorMode ?? 0] ?? HEADER_MODES[headerMode] ?? null
}
