#!/bin/bash
# Run once by the mysql image, when its volume is empty: a database and a user for each side, of which
# neither may read the other's.
set -euo pipefail
mysql --user=root --password="$MYSQL_ROOT_PASSWORD" <<SQL
CREATE DATABASE IF NOT EXISTS toby CHARACTER SET utf8mb4;
CREATE DATABASE IF NOT EXISTS toby_notifications CHARACTER SET utf8mb4;
CREATE USER 'toby'@'%' IDENTIFIED BY '$TOBY_DATABASE_PASSWORD';
CREATE USER 'toby_notifications'@'%' IDENTIFIED BY '$TOBY_NOTIFICATIONS_DATABASE_PASSWORD';
GRANT ALL ON toby.* TO 'toby'@'%';
GRANT ALL ON toby_notifications.* TO 'toby_notifications'@'%';
SQL
