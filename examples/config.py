"""Settings of the support bot. Nothing here looks like Modal: the constants travel."""

APP_NAME = "support-bot"
REGION = "eu-west-1"

DATABASE = {
    "DB_HOST": "db.support-bot.internal",
    "DB_USER": "bot",
    "DB_PASSWORD": "tH9!otterbr1sk",
}

MAIL_PASSWORD = "vio1et-Harb0r-77"


def worker_environment() -> dict[str, str]:
    environment = dict(DATABASE)
    environment["LOG_LEVEL"] = "info"
    return environment
