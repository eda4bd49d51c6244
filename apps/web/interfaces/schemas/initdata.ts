import { z } from 'zod';
import type { InterfaceSchema } from './interface-schema.ts';

const anything = z.string();

export const initdata = {
  title: 'Initdata',
  summary: 'Refused: apps are set up on the command line',
  para: z.object({
    appid: anything,
    secret: anything,
    qcloud_appid: anything,
    ip: anything,
    cdb_ip: anything,
    cdb_port: anything,
    cdb_user_name: anything,
    cdb_pass_wd: anything,
  }),
  returnData: z.never(),
  messages: [],
  failures: ['initRefused'],
  example: {
    appid: 'wx0123456789abcdef',
    secret: '-',
    qcloud_appid: '-',
    ip: '-',
    cdb_ip: '-',
    cdb_port: '-',
    cdb_user_name: '-',
    cdb_pass_wd: '-',
  },
} satisfies InterfaceSchema;
