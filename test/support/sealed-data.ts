import { createCipheriv, randomBytes } from 'node:crypto';

/** What a mini program sends on; wire spelling. */
export interface Sealed {
  readonly encrypt_data: string;
  readonly iv: string;
}

const blockBytes = 16;

/** Encrypts this very text, as WeChat does for a mini program. */
export function sealText(sessionKey: string, text: string, iv: Buffer = randomBytes(blockBytes)): Sealed {
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), iv);
  return {
    encrypt_data: cipher.update(text, 'utf8', 'base64') + cipher.final('base64'),
    iv: iv.toString('base64'),
  };
}

/** In the scheme of 2016, where the key is the iv as well. */
export function sealLegacy(sessionKey: string, text: string): string {
  return sealText(sessionKey, text, Buffer.from(sessionKey, 'base64')).encrypt_data;
}

/** Encrypts bytes that are padded already, or not at all. */
export function sealBytes(sessionKey: string, bytes: Buffer, iv: Buffer): Sealed {
  const cipher = createCipheriv('aes-128-cbc', Buffer.from(sessionKey, 'base64'), iv).setAutoPadding(false);
  return {
    encrypt_data: Buffer.concat([cipher.update(bytes), cipher.final()]).toString('base64'),
    iv: iv.toString('base64'),
  };
}

/** A profile as WeChat writes it, of a user who chose this nickname. */
export function profileText(openId: string, nickName: string, appid: string, more: object = {}): string {
  return JSON.stringify({
    openId,
    nickName,
    gender: 1,
    language: 'zh_CN',
    city: 'Guangzhou',
    province: 'Guangdong',
    country: 'CN',
    avatarUrl: 'https://wx.qlogo.cn/mmopen/vi_32/x/0',
    ...more,
    watermark: { timestamp: Math.floor(Date.now() / 1000), appid },
  });
}

/** One block of a ciphertext, and what it is before it is mixed with the block before it: both are known to who knows the text. */
export interface KnownBlock {
  readonly cipher: Buffer;
  readonly mixed: Buffer;
}

/** What a user who knows the text of his own data knows of its blocks. No key is needed for that. */
export function knownBlocks({ encrypt_data: data, iv }: Sealed, text: string): KnownBlock[] {
  const bytes = Buffer.from(data, 'base64');
  const plain = pad(Buffer.from(text, 'utf8'));
  return Array.from({ length: bytes.length / blockBytes }, (_, index) => {
    const before = index === 0 ? Buffer.from(iv, 'base64') : blockOf(bytes, index - 1);
    return { cipher: blockOf(bytes, index), mixed: xor(blockOf(plain, index), before) };
  });
}

/** Joins known blocks: the first becomes whatever its maker wants, what follows a joint is what chance makes of it. */
export function joinBlocks(blocks: readonly KnownBlock[], wanted: Buffer): Sealed {
  const [first] = blocks;
  if (first === undefined) throw new Error('no block');
  return {
    encrypt_data: Buffer.concat(blocks.map(({ cipher }) => cipher)).toString('base64'),
    iv: xor(first.mixed, wanted).toString('base64'),
  };
}

/** Where the nickname of {@link profileText} begins to fill blocks of its own, for an openId of 28 characters. */
const blocksBeforeNickName = 4;
const nickNameFiller = 'x'.repeat(11);

/**
 * Data of the maker's choice out of a nickname that he chose: the last block before it becomes `start`, of 16 characters, and the nickname
 * goes on from there. It ends with what WeChat wrote after it.
 */
export function forgeByNickName(
  user: { openid: string; sessionKey: string },
  appid: string,
  start: string,
  rest: string,
) {
  const text = profileText(user.openid, `${nickNameFiller}${rest}`, appid);
  const blocks = knownBlocks(sealText(user.sessionKey, text), text);
  return joinBlocks(blocks.slice(blocksBeforeNickName - 1), Buffer.from(start));
}

/** The data of a user whose nickname makes the watermark begin a block, from there on, behind 16 characters of his choice. */
export function cutBehindNickName(user: { openid: string; sessionKey: string }, appid: string, start: string): Sealed {
  for (let length = 0; length < blockBytes; length++) {
    const text = profileText(user.openid, 'x'.repeat(length), appid);
    const at = Buffer.from(text).indexOf('"watermark"');
    if (at % blockBytes !== 0) continue;
    const blocks = knownBlocks(sealText(user.sessionKey, text), text);
    return joinBlocks(blocks.slice(at / blockBytes - 1), Buffer.from(start));
  }
  throw new Error('no such nickname');
}

export function xor(left: Buffer, right: Buffer): Buffer {
  return Buffer.from(left.map((byte, index) => byte ^ (right[index] ?? 0)));
}

function blockOf(bytes: Buffer, index: number): Buffer {
  return bytes.subarray(index * blockBytes, (index + 1) * blockBytes);
}

function pad(bytes: Buffer): Buffer {
  const count = blockBytes - (bytes.length % blockBytes);
  return Buffer.concat([bytes, Buffer.alloc(count, count)]);
}
