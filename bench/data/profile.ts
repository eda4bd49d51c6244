/** A user's profile as WeChat encrypts it: what a log-in decrypts and stores, and an auth check answers. */
export function profileOf(index: number, appid: string): string {
  const name = String(index).padStart(7, '0');
  return JSON.stringify({
    openId: `oBench${name}`.padEnd(28, 'x'),
    nickName: `小程序用户${name}🐼`,
    gender: 1,
    language: 'zh_CN',
    city: 'Guangzhou',
    province: 'Guangdong',
    country: 'CN',
    avatarUrl: `https://wx.qlogo.cn/mmopen/vi_32/${name.repeat(12)}/0`,
    watermark: { timestamp: 1_700_000_000, appid },
  });
}
