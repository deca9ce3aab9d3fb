# Run once by the MySQL image, on an empty volume: two databases, each with the one user who may
# enter it. The passwords may have letters, digits, _ and - only, since they stand in URLs too.
MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --user=root <<SQL
CREATE DATABASE toby;
CREATE USER 'toby'@'%' IDENTIFIED BY '$TOBY_DATABASE_PASSWORD';
GRANT ALL ON toby.* TO 'toby'@'%';

CREATE DATABASE toby_notifications;
CREATE USER 'toby_notifications'@'%' IDENTIFIED BY '$TOBY_NOTIFICATIONS_DATABASE_PASSWORD';
-- Unescaped, _ would stand for any character.
GRANT ALL ON \`toby\\_notifications\`.* TO 'toby_notifications'@'%';
SQL
