/** The message all measures use: an ordinary small object, about 150 bytes of JSON. */
export const message = {
  id: 48_213,
  type: 'position',
  user: 'ada.lovelace',
  at: 1_732_278_000_123,
  point: { x: 103.25, y: -7.5, z: 0 },
  tags: ['blue', 'fast'],
  text: 'all is well on the bridge',
};

export const text = JSON.stringify(message);

/** A message with a long string. */
export const longText = JSON.stringify({ ...message, text: `${message.text} `.repeat(1_150) });
