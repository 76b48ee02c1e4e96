"""`python -m stylized` is the command `stylized`."""

from stylized.service.command import main

if __name__ == "__main__":
    main()
