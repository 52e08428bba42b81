import '@angular/compiler';
import { AsyncPipe } from '@angular/common';
import { Component, provideZonelessChangeDetection } from '@angular/core';
import { bootstrapApplication } from '@angular/platform-browser';

/** Shows a client by the pipe `async`. As a function, the decorator needs no build. */
export function mountAngular(client) {
  class Live {
    client = client;
    data$ = client.data$;
  }
  Component({
    selector: 'app-live',
    imports: [AsyncPipe],
    template: `<p>{{ (client.state$ | async)?.name }}, last {{ (data$ | async) ?? 'nothing' }}</p>`,
  })(Live);
  const application = bootstrapApplication(Live, { providers: [provideZonelessChangeDetection()] });
  return async () => (await application).destroy();
}
