#!/bin/bash
# Run by the MySQL image when its volume is empty: two databases, each with the one user who may
# enter it. The passwords stand in URLs too: letters, digits, - and _ only.
set -euo pipefail
# Unescaped, _ in the name of a database that is granted would stand for any character.
MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --user=root <<SQL
CREATE DATABASE toby;
CREATE USER 'toby'@'%' IDENTIFIED BY '$TOBY_DATABASE_PASSWORD';
GRANT ALL ON toby.* TO 'toby'@'%';
CREATE DATABASE toby_notifications;
CREATE USER 'toby_notifications'@'%' IDENTIFIED BY '$TOBY_NOTIFICATIONS_DATABASE_PASSWORD';
GRANT ALL ON \`toby\\_notifications\`.* TO 'toby_notifications'@'%';
SQL
