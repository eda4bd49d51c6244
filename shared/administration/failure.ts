import { toPlainText } from '../log/plain-text.ts';

/** Why something can't be done that can be meant: the code is for programs, the message says what to do. */
export class AdministrationFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AdministrationFailure';
    this.code = code;
  }
}

/** What was asked for can't be meant, whatever the stores hold. */
export class UnfitRequest extends AdministrationFailure {
  constructor(message: string) {
    super('unfit', message);
    this.name = 'UnfitRequest';
  }
}

export function unknownApp(appid: string): AdministrationFailure {
  return new AdministrationFailure('app_unknown', `There is no app ${toPlainText(appid)}.`);
}
