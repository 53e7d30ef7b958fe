"""Messages made by ``make proto`` of ``proto/satseek/v1/satseek.proto``; nothing is written here."""
