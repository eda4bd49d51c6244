import { fail } from '../../../shared/protocol/outcome.ts';
import { readParameters } from '../../../shared/protocol/request.ts';
import type { Interface } from './interface.ts';

const required = ['appid', 'secret', 'qcloud_appid', 'ip', 'cdb_ip', 'cdb_port', 'cdb_user_name', 'cdb_pass_wd'];

/**
 * qcloud.cam.initdata: refused. The original let anyone on the network drop the database and repoint it through this; apps are set
 * up on the command line.
 */
export const initdata: Interface = async (para) =>
  readParameters(para, required) === undefined ? fail('parameterError') : fail('initRefused');
