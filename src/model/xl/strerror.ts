/** The C library's text for an errno that a hypercall answered with, positive or negative. */
export function strerror(errno: number): string {
  return texts.get(Math.abs(errno)) ?? `Unknown error ${Math.abs(errno)}`;
}

const texts = new Map([
  [1, 'Operation not permitted'],
  [2, 'No such file or directory'],
  [3, 'No such process'],
  [5, 'Input/output error'],
  [6, 'No such device or address'],
  [7, 'Argument list too long'],
  [9, 'Bad file descriptor'],
  [12, 'Cannot allocate memory'],
  [13, 'Permission denied'],
  [16, 'Device or resource busy'],
  [17, 'File exists'],
  [19, 'No such device'],
  [22, 'Invalid argument'],
  [34, 'Numerical result out of range'],
  [38, 'Function not implemented'],
  [61, 'No data available'],
  [74, 'Bad message'],
  [84, 'Invalid or incomplete multibyte or wide character'],
  [95, 'Operation not supported'],
  [107, 'Transport endpoint is not connected'],
]);
