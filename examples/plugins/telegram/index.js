'use strict';
const { definePlugin } = require('@conductor/platform-kit');
const { TelegramPlatform } = require('./lib/telegram.platform.js');

module.exports = definePlugin({ platforms: { telegram: { create: () => new TelegramPlatform() } } });
